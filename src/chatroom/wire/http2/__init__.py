"""HTTP/2 (RFC 9113): bytes and calls in, bytes and events out; no I/O, and no clock."""
