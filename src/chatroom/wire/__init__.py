"""What bytes mean: pure Python, no asyncio, no sockets, no clock."""
