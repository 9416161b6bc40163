"""Streams: one session loop for WebSocket and SSE; a transport only moves bytes."""
