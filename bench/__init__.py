"""Benchmarks of the chat server, and the peers it is compared with."""
