"""Looking back, and what came meanwhile."""

from __future__ import annotations


def test_the_view_stays_where_it_is(bob, guests, room) -> None:
    """What is below, and what of it came meanwhile, is counted, not shown; Esc goes there."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"message {number}" for number in range(1, 61)))
    bob.until("message 60")
    bob.press("pageup")
    bob.until("↓ 20 below", "message 30")
    before = bob.screen[:-2]
    alice.say("news 1", "news 2", "news 3")
    bob.until("↓ 23 below, 3 new")
    assert before == bob.screen[:-2]
    bob.press("pagedown")
    bob.until("↓ 3 new", "message 60")
    bob.press("esc")
    bob.until("news 3", "message 60")
    assert "↓" not in bob.text


def whole(rows: list[str]) -> bool:
    """Whether it is not half drawn: the numbers follow each other, and 1 follows the arrival."""
    numbers = [int(row.split()[-1][:-1]) for row in rows if row.endswith(".")]
    begun = any("you have entered" in row for row in rows)
    first = 1 if begun or not numbers else numbers[0]
    return numbers == list(range(first, first + len(numbers)))


def whole_page(bob, after: str = "") -> list[str]:
    """The rows as they were when none was half drawn, and the first one was another."""
    pages: list[list[str]] = []

    def turned(rows: list[str]) -> bool:
        if rows[0] == after or not whole(rows):
            return False
        pages.append(list(rows))
        return True

    bob.wait(turned)
    return pages[-1]


def test_turning_pages(bob, guests, room) -> None:
    """Every message is seen on the way up and on the way down; the end follows again."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"message {number}." for number in range(1, 101)))
    bob.until("message 100.")
    for key, last in (("pageup", "you have entered"), ("pagedown", "message 100.")):
        page = whole_page(bob)
        seen = set(page)
        while not any(last in row for row in page):
            bob.press(key)
            page = whole_page(bob, after=page[0])
            seen |= set(page)
        unseen = [
            number
            for number in range(1, 101)
            if not any(row.endswith(f"  message {number}.") for row in seen)
        ]
        assert [] == unseen, f"on the way by {key}"
    alice.say("the end")
    bob.until("the end")


def test_what_is_new_is_marked(bob, guests, room) -> None:
    """A rule above the first message that came while one looked back; saying something ends it."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"message {number}" for number in range(1, 41)))
    bob.until("message 40")
    bob.press("pageup")
    bob.until(" below")
    alice.say("unseen 1", "unseen 2")
    bob.until(" below, 2 new")
    bob.press("esc")
    bob.until("unseen 2", "─ new ─")
    rows = bob.screen
    mark = next(number for number, row in enumerate(rows) if "─ new ─" in row)
    assert rows[mark - 1].endswith("message 40")
    assert rows[mark + 1].endswith("unseen 1")
    bob.type("seen")
    bob.press("enter")
    bob.until("Bob  seen")
    bob.until_gone("─ new ─")


def test_what_comes_while_the_window_has_no_focus_is_marked(bob, guests, room) -> None:
    """A terminal that tells of its focus is believed."""
    alice = guests.enter(room, "Alice")
    alice.say("seen")
    bob.until("Alice  seen")
    bob.type("\x1b[O")
    bob.type("!")  # keys are read in order: the report was, when this shows
    bob.until("Bob> !")
    assert b"\a" not in bob.raw
    alice.say("unseen", "and bob, too")
    bob.until("Alice  unseen", "─ new ─", "and bob, too")
    bob.wait(lambda _: b"\a" in bob.raw)
    bob.type("\x1b[I!")
    bob.until("Bob> !!")
    alice.say("seen again")
    bob.until("seen again")
    rows = [row for row in bob.screen if row]
    assert rows.index(next(row for row in rows if "─ new ─" in row)) + 1 == rows.index(
        next(row for row in rows if row.endswith("  unseen"))
    )
