"""Ours beside servers of every kind, under every workload, on one page."""
