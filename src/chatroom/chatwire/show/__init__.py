"""Frames as text: lines, JSON and a summary."""
