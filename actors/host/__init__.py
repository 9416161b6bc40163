"""A conversation host and its parts."""
