"""The HTTP and WebSocket server and the built page."""
