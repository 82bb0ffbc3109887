"""The tap: what passes between a client and a server, seen frame by frame."""
