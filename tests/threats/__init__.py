"""Rows of the threat table in docs/security.md that no other part of the tests has.

What is attacked is a server in a process of its own where it matters what it spends, and one in
the test's loop where it matters what it reads.
"""
