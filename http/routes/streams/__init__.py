"""WebSocket and Server-Sent Events: opening a stream, and what clients say on it."""
