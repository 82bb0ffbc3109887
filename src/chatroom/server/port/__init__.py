"""What stands at the port: sockets, TLS, HTTP, and who may knock."""
