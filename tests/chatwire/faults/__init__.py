"""Tests of `chatwire fault`."""
