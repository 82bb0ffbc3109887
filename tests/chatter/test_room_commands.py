"""chatter create, list and delete, and --create as in the original."""

from __future__ import annotations

import re


def test_create_prints_the_id_alone(server, chatter) -> None:
    """The id is all there is on standard output, so that a script can use it."""
    ended = chatter("create", "--host", server)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert re.fullmatch(r"\d{6,}\n", ended.stdout)


def test_create_takes_an_id_and_a_title(server, chatter) -> None:
    """A room with a chosen id and title is listed with both, tab-separated when piped."""
    assert (
        "plants\n"
        == chatter("create", "plants", "--title", "My plants", CHATTER_HOST=server).stdout
    )
    listed = chatter("list", CHATTER_HOST=server).stdout.splitlines()
    assert "plants\t0\tMy plants" in listed


def test_server_is_named_before_or_after_the_subcommand(server, chatter) -> None:
    """--host may stand in either place; the later one wins, over the environment too."""
    nobody = "127.0.0.1:1"
    assert [0, 0, 0, 1] == [
        chatter("--host", server, "list").returncode,
        chatter("--host", nobody, "list", "--host", server, CHATTER_HOST=nobody).returncode,
        chatter("--host", server, "list", CHATTER_HOST=nobody).returncode,
        chatter("list", CHATTER_HOST=nobody).returncode,
    ]


def test_private_room_is_not_listed(server, chatter) -> None:
    """A private room has a long id, which only its creator is told."""
    room = chatter("create", "--private", "--host", server).stdout.strip()
    assert len(room) >= 20
    assert room not in chatter("list", "--host", server).stdout


def test_delete_says_what_was_deleted(server, chatter) -> None:
    """Deleting a room is confirmed; deleting it again fails."""
    room = chatter("create", "--host", server).stdout.strip()
    first, second = (chatter("delete", room, "--host", server) for _ in range(2))
    assert (0, f"Deleted room {room}\n") == (first.returncode, first.stdout)
    assert (1, f"chatter: there is no room {room}\n") == (second.returncode, second.stderr)


def test_create_option_prints_as_the_original(server, chatter) -> None:
    """--create makes a room, says so in the original's words, and ends."""
    ended = chatter("--create", "--host", server, say="unread\n")
    assert (0, "") == (ended.returncode, ended.stderr)
    assert re.fullmatch(r"Chat room created: \d{6,}\n", ended.stdout)


def test_create_option_with_a_name_goes_on(server, chatter) -> None:
    """--create with --name makes a room and joins it."""
    ended = chatter("--create", "--private", "--name", "Bob", "--host", server, say="hi\n")
    created, *rest = ended.stdout.splitlines()
    assert re.fullmatch(r"Chat room created: \S{20,}", created)
    assert ["Joining room"] == rest
