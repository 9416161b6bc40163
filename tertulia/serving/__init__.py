"""`tertulia serve`: starting, watching and stopping the parts."""
