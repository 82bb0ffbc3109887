"""Starts the project's programs as processes, quickly."""
