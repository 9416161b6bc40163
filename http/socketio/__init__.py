"""Socket.IO at `/socket.io`: one more transport over the session loop of WebSocket and SSE. python-socketio moves the packets."""
