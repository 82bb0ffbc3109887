"""What strangers do, as it is told to the operator: now and then, and on one line."""

from __future__ import annotations

import logging

import pytest

from chatroom.server.port.notices import Kind, NoticeLimits, Notices

PEER = ("192.0.2.1", 4711)
LIMITS = NoticeLimits()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told since this was last asked."""
    messages = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    caplog.clear()
    return messages


@pytest.mark.parametrize("kind", Kind)
def test_one_line_of_a_kind_in_a_minute(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The first at once; the next one says how many were not told."""
    now = 100.0
    notices = Notices(lambda: now)
    for number in range(1000):
        notices.tell(kind, PEER, f"did {number}")
        now += LIMITS.seconds / 1000
    assert ["192.0.2.1:4711: did 0"] == told(caplog)
    notices.tell(kind, PEER, "did it again")
    more = f" (and 999 more {kind.value} before)"
    assert [f"192.0.2.1:4711: did it again{more}"] == told(caplog)
    now += LIMITS.seconds
    notices.tell(kind, PEER, "went on")
    assert ["192.0.2.1:4711: went on"] == told(caplog)


def test_kinds_do_not_hide_each_other(caplog: pytest.LogCaptureFixture) -> None:
    """Nor what one of them did a minute ago."""
    notices = Notices(lambda: 0.0)
    for kind in [*Kind, *Kind]:
        notices.tell(kind, PEER, kind.name)
    assert [f"192.0.2.1:4711: {kind.name}" for kind in Kind] == told(caplog)


def test_what_is_not_told_is_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    """All of it."""
    caplog.set_level(logging.DEBUG, "chatroom")
    notices = Notices(lambda: 0.0)
    for number in range(3):
        notices.tell(Kind.FLOOD, PEER, f"did {number}")
    assert [f"192.0.2.1:4711: did {number}" for number in range(3)] == caplog.messages


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        (PEER, "192.0.2.1:4711"),
        (("2001:db8::1", 4711, 0, 0), "[2001:db8::1]:4711"),
        ("", "a client"),
        (None, "a client"),
    ],
)
def test_a_peer_is_named_by_its_address(
    peer: object, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As one writes it; those of Unix sockets have none."""
    Notices(lambda: 0.0).tell(Kind.HOST, peer, "did it")
    assert [f"{name}: did it"] == told(caplog)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a\nb\r\x1b[31mred", r"a\nb\r\x1b[31mred"),
        ("a\u202eb\x85c", r"a\u202eb\x85c"),
        ("schön", "schön"),
        ("x" * 5000, "x" * (LIMITS.characters - len("a client: …")) + "…"),
    ],
)
def test_a_line_is_one_line(said: str, shown: str, caplog: pytest.LogCaptureFixture) -> None:
    """A stranger can neither begin another one, nor colour a terminal, nor fill a disk."""
    Notices(lambda: 0.0).tell(Kind.HOST, None, said)
    assert [f"a client: {shown}"] == told(caplog)
