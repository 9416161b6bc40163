"""The server's own web pages: their files, and what only they call."""
