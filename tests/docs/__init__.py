"""What the documents say one can type."""
