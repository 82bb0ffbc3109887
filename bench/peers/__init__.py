"""Servers of the same contract that the benchmarks compare with."""
