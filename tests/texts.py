"""Any text that can be sent, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

CHARACTERS = st.characters(exclude_categories=["Cs"])
"""All that UTF-8 has.

`st.text()` and `codec="utf-8"` mean the same, and try the whole codec first: three seconds of CPU
in each process of tests.
"""
