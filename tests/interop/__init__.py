"""Interop: clients and test suites that no one here wrote, against a running server."""
