"""A conversation: its state, entries, commands and status table."""
