"""Generated from proto/; see tools/generate.py."""
