"""What an operator sees of a running server, on a listener of its own."""
