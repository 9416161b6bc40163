"""WebSocket and Server-Sent Events: opening a stream, and the messages of clients."""
