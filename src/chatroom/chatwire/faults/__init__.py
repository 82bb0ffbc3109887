"""Faults: the tap that does something to what passes, by a plan.

`kinds` says what may go wrong and `where`, `grammar` reads both, `plan` puts rules together.
`connection` is the core: bytes and times in, bytes and what to do out, no sockets. `passing`
is that with sockets. Programs and tests use `taps`.
"""
