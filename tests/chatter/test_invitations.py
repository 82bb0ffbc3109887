"""chatter invite, invites, uninvite, and going in by an invitation."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from chatroom.chatter import json_lines
from chatroom.chatter.bearer import may_name
from chatroom.chatter.invitations import command_line, page_link
from chatroom.client import Invitation, connect
from tests.chatter.moderated import Moderated, moderated
from tests.server.access.tokens_for import token


@pytest.fixture(scope="module")
def on(tmp_path_factory) -> Moderated:
    """Anonymous people may do nothing."""
    with moderated(tmp_path_factory.mktemp("moderated")) as on:
        yield on


def test_what_is_printed_lets_somebody_in(on, chatter) -> None:
    """A link and a line to type; the line works as it stands, and asks for a name tag."""
    made = chatter("invite", "lobby", "--valid-for", "7d", *on.admin)
    assert 0 == made.returncode
    assert "this is for people on this machine" in made.stderr
    link, typed = made.stdout.splitlines()
    variable, *words = shlex.split(typed)
    secret = variable.removeprefix("CHATTER_TOKEN=")
    assert secret.startswith("inv_")
    assert f"http://{on.address}/r/lobby#token={secret}" == link
    assert ["chatter", "--host", on.address, "--room", "lobby"] == words
    inside = chatter(*words[1:], say="Carol\nhello\n", CHATTER_TOKEN=secret)
    assert (0, "Enter a Name Tag: Joining room\n") == (inside.returncode, inside.stdout)
    assert "Carol: hello\n" in chatter("history", "lobby", *on.admin).stdout


def test_an_invitation_goes_straight_in(on, chatter, emulator) -> None:
    """From a file, into that room: the rooms are not asked for, nor the name that it fixes."""
    made = json.loads(chatter("invite", "lobby", "--name", "Guest", "--json", *on.admin).stdout)
    shown = [*on.with_token(made["secret"], "guest"), "--room", "lobby"]
    talk = chatter(*shown, "--history", "0", say="hey\n")
    assert (0, "Joining room\n", "") == (talk.returncode, talk.stdout, talk.stderr)
    assert "Guest: hey\n" in chatter("history", "lobby", *on.admin).stdout
    with emulator(*shown) as terminal:
        terminal.until("you have entered the chat", "Guest>")
        terminal.press("c-d")
        assert 0 == terminal.end()


def test_an_invitation_without_its_room(on, chatter) -> None:
    """Which rooms there are it does not tell; the sentence says what to do."""
    made = json.loads(chatter("invite", "lobby", "--json", *on.admin).stdout)
    ended = chatter(*on.with_token(made["secret"]))
    assert 1 == ended.returncode
    assert (
        "chatter: your invitation is for one room: you may join, speak and read there, and not"
        " do this (--room ID goes into a room that you know)\n"
    ) == ended.stderr


def test_a_name_is_asked_for_where_the_invitation_has_none(on, chatter, emulator) -> None:
    """In a terminal too, and the room is joined under it."""
    made = json.loads(chatter("invite", "lobby", "--json", *on.admin).stdout)
    with emulator(*on.with_token(made["secret"]), "--room", "lobby") as terminal:
        terminal.until("Enter a Name Tag:")
        terminal.type("Zoe\r")
        terminal.until("you have entered the chat", "Zoe>")
        terminal.press("c-d")
        assert 0 == terminal.end()


def test_invitations_are_listed_and_revoked(on, chatter) -> None:
    """Without secrets, with the uses that are left; one that is revoked lets nobody in."""
    made = json.loads(
        chatter("invite", "lobby", "--uses", "2", "--name", "Dan", "--json", *on.admin).stdout
    )
    shown = [*on.with_token(made["secret"]), "--room", "lobby"]
    assert 0 == chatter(*shown, say="hey\n").returncode
    lines = chatter("invites", "lobby", *on.admin).stdout
    assert made["secret"] not in lines
    assert f"{made['invitation_id']}\t1\t\tDan\tadmin" in lines.splitlines()
    objects = map(json.loads, chatter("invites", "lobby", "--json", *on.admin).stdout.splitlines())
    [listed] = [each for each in objects if each["invitation_id"] == made["invitation_id"]]
    assert {field: made[field] for field in listed} | {"uses_left": 1} == listed
    revoked = chatter("uninvite", made["invitation_id"], *on.admin)
    assert (0, f"Revoked invitation {made['invitation_id']} to room lobby\n") == (
        revoked.returncode, revoked.stdout,
    )  # fmt: skip
    refused = chatter(*shown)
    assert (1, "chatter: this invitation is not valid any more; ask for another\n") == (
        refused.returncode, refused.stderr,
    )  # fmt: skip
    again = chatter("uninvite", made["invitation_id"], *on.admin)
    assert 1 == again.returncode


def test_an_invitation_that_is_used_up(on, chatter) -> None:
    """The sentence says what to do."""
    made = json.loads(chatter("invite", "lobby", "--uses", "1", "--json", *on.admin).stdout)
    shown = [*on.with_token(made["secret"]), "--room", "lobby", "--name", "Eve"]
    assert 0 == chatter(*shown).returncode
    refused = chatter(*shown)
    assert (1, "chatter: this invitation has been used up; ask for another\n") == (
        refused.returncode, refused.stderr,
    )  # fmt: skip


def test_ended_invitations_are_listed_when_asked_for(on, chatter, emulator) -> None:
    """They let nobody in, so they are no answer to who may come; a person is told of them."""
    chatter("create", "ended-room", *on.admin)
    made = json.loads(chatter("invite", "ended-room", "--uses", "1", "--json", *on.admin).stdout)
    shown = [*on.with_token(made["secret"]), "--room", "ended-room", "--name", "Eve"]
    assert 0 == chatter(*shown).returncode
    listed = chatter("invites", "ended-room", *on.admin)
    assert (0, "") == (listed.returncode, listed.stdout)
    of_all = chatter("invites", "ended-room", "--all", *on.admin).stdout
    assert f"{made['invitation_id']}\t0\t\t\tadmin\tused up\n" == of_all
    as_object = json.loads(chatter("invites", "ended-room", "--all", "--json", *on.admin).stdout)
    assert (None, "used up") == (made["ended"], as_object["ended"])
    with emulator("invites", "ended-room", *on.admin) as terminal:
        assert 0 == terminal.end()
        assert "There are no invitations to room ended-room" == terminal.screen[0]
        assert terminal.screen[1].startswith("1 more let nobody else in")


@pytest.mark.parametrize(
    ("uses_left", "hours", "expected"),
    [(None, None, ""), (1, 1, ""), (0, 1, "used up"), (1, -1, "expired"), (0, -1, "expired")],
)
def test_why_an_invitation_has_ended(uses_left, hours, expected: str) -> None:
    """As many have come as may, or its time is over."""
    until = None if hours is None else datetime.now(UTC) + timedelta(hours=hours)
    made = Invitation(invitation_id="1", room_id="lobby", uses_left=uses_left, until=until)
    assert expected == json_lines.ended(made)


@pytest.mark.parametrize(
    ("address", "insecure", "link", "host"),
    [
        ("chat.example.com:443", False, "https://chat.example.com/r/", "chat.example.com:443"),
        (
            "chat.example.com:8443",
            False,
            "https://chat.example.com:8443/r/",
            "chat.example.com:8443",
        ),
        ("10.0.0.5:80", True, "http://10.0.0.5/r/", "10.0.0.5:80"),
        ("[2001:db8::1]:8080", True, "http://[2001:db8::1]:8080/r/", "'[2001:db8::1]:8080'"),
    ],
)
def test_links_and_lines_are_for_the_address_that_was_used(
    address: str, insecure: bool, link: str, host: str
) -> None:
    """The usual port is left out of a link; what a shell would read is quoted."""
    chat = connect(address, insecure=insecure)
    made = Invitation(invitation_id="1", room_id="$(x)/..", secret="inv_a&b")
    assert f"{link}%24%28x%29%2F..#token=inv_a%26b" == page_link(chat, made)
    more = " --insecure" if insecure else ""
    assert f"CHATTER_TOKEN='inv_a&b' chatter --host {host} --room '$(x)/..'{more}" == (
        command_line(chat, made)
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("inv_xyz", True),
        (token("ann", name="Ann"), True),
        (token("ann"), False),
        ("an-admin-token", False),
        ("a.b.c", False),
        ("e.W10.c", False),  # an empty list
        ("", False),
    ],
)
def test_only_a_token_that_may_have_a_name_is_shown_without_one(shown: str, expected: bool) -> None:
    """Else the server would refuse a join for nothing; a function of tokens is not asked."""
    assert expected is may_name(connect("localhost", token=shown))
    assert not may_name(connect("localhost", token=lambda: shown))


def test_a_token_with_a_name_asks_for_none(on, chatter) -> None:
    """A token is as good as an invitation."""
    shown = on.shown("ann", name="Ann", chat={"rooms": ["lobby"]})
    talk = chatter(*shown, "--room", "lobby", "--history", "0", say="it is me\n")
    assert (0, "Joining room\n", "") == (talk.returncode, talk.stdout, talk.stderr)
    assert "Ann: it is me\n" in chatter("history", "lobby", *on.admin).stdout
