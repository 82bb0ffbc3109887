"""Tests of the experiments: each is run, and shows what it says."""
