"""The server's own web pages: their files, and the routes that only they call."""
