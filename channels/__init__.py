"""Where customers write in: one module for each kind of channel."""
