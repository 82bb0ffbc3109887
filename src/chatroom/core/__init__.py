"""What a room is: pure Python that does no I/O, never awaits and knows no protocol."""
