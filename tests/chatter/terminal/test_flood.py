"""Typing in one room while a thousand messages a second come in another, or in the same one."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.faults.scale import report, scaled

DRAWING = b"\x1b[?25l"
"""Each drawing begins with it: the cursor is hidden."""
MOST_DRAWINGS = 10
"""From a key to the screen: one that was under way, one for going on, the key's own, and some
that messages are drawn with before the key is read. All messages that wait take hundreds."""
MESSAGES_A_DRAWING = 4
"""At least, where many wait."""
KEYS = scaled(20, 300)
PER_SECOND = 1_000


@pytest.mark.shortened
def test_each_key_is_shown(bob, guests, room) -> None:
    """No key is lost, and the line is said as typed; how long each takes is printed."""
    other = guests.new_room()
    bob.type(f"/join {other}\r")
    bob.until(f" {other} · 1 member", "you have entered the chat")
    over = guests.enter(room, "Alice").flood(scaled(2_000, 25_000), per_second=PER_SECOND)
    bob.until(" +")
    waits = []
    line = ""
    for number in range(KEYS):
        line += "abcdefghij"[number % 10]
        began = time.perf_counter()
        bob.type(line[-1])
        bob.wait(lambda rows, end=line[-60:]: "".join(rows[-7:]).endswith(end))
        waits.append((time.perf_counter() - began) * 1000)
    over()
    bob.until("+999+")
    bob.press("enter")
    bob.wait(lambda _: guests.do(lambda chat: chat.history(other)).messages[-1].text == line)
    middle, late = statistics.median(waits), statistics.quantiles(waits, n=100)[-1]
    report("a key, while a flood comes elsewhere", f"p50 {middle:.0f} ms, p99 {late:.0f} ms")


@pytest.mark.parametrize("elsewhere", [True, False], ids=["elsewhere", "here"])
def test_keys_do_not_stand_in_line_behind_messages(bob, guests, room, elsewhere: bool) -> None:
    """Typed when two seconds' messages wait: shown with the next drawings, however many wait."""
    if elsewhere:
        other = guests.new_room()
        bob.type(f"/join {other}\r")
        bob.until(f" {other} · 1 member", "you have entered the chat")
    over = guests.enter(room, "Alice").flood(2 * PER_SECOND, per_second=PER_SECOND)
    bob.until(" +" if elsewhere else "flood ")
    bob.stop()
    over()
    bob.type("typed meanwhile")
    moment = bob.moment
    bob.go_on()
    bob.wait(lambda rows: rows[-1] == "Bob> typed meanwhile")
    shown = bob.raw[moment:]
    assert shown[: shown.index(b"typed meanwhile")].count(DRAWING) <= MOST_DRAWINGS
    bob.until("+999+" if elsewhere else f"flood {2 * PER_SECOND}")
    assert bob.raw[moment:].count(DRAWING) < 2 * PER_SECOND / MESSAGES_A_DRAWING
    bob.press("enter")
    bob.until("Bob  typed meanwhile")
