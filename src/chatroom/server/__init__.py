"""The server: an ASGI application, its streams and methods, and its command line."""
