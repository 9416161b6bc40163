"""`tertulia serve`: starting, watching and stopping its parts."""
