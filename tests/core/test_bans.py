"""Bans: whom one is for, and until when."""

from __future__ import annotations

import pytest

from chatroom.core.bans import Ban, Bans, Whom, address_key, identity_key, name_keys
from chatroom.core.denials import Banned
from chatroom.core.names import name_tag
from chatroom.core.refusals import RequestInvalid

NOW = 1_000
HOME = "192.0.2.7"


def ban(number: int, *keys: str, until: int = 0, reason: str = "") -> Ban:
    return Ban(
        ban_id=f"ban{number}", whom=Whom.ADDRESS, value="", keys=keys, until=until, reason=reason,
        by="mod", created=0,
    )  # fmt: skip


def let_in(bans: Bans, *, now: int = NOW, subject: str = "", address: str = "", name: str = ""):  # type: ignore[no-untyped-def] # as every test
    tag = name_tag(name, characters=32) if name else None
    bans.check(now, subject=subject, address=address, tag=tag)


@pytest.mark.parametrize(
    ("prefix", "address", "banned"),
    [
        ("192.0.2.0/24", HOME, True),
        ("192.0.2.0/24", "192.0.3.7", False),
        ("192.0.2.7", HOME, True),
        ("::ffff:192.0.2.0/120", HOME, True),  # of IPv4, in the words of IPv6
        ("2001:db8::/32", "2001:db8::7", True),
        ("2001:db8::7/128", "2001:db8::7", True),
        ("2001:db8:0:0:0:0:0:0/96", "2001:db8::7", True),
        ("2001:db8::/64", HOME, False),
        ("192.0.2.0/24", "2001:db8::7", False),
        ("192.0.2.0/24", "", False),
    ],
)
def test_a_ban_of_an_address(prefix: str, address: str, banned: bool) -> None:
    """Of all addresses below a prefix, of the same version alone."""
    bans = Bans()
    bans.add(ban(1, address_key(prefix)[1]))
    if banned:
        with pytest.raises(Banned):
            let_in(bans, address=address)
    else:
        let_in(bans, address=address)


@pytest.mark.parametrize("prefix", ["192.0.2.7/24", "everybody", "fe80::1%eth0", "0.0.0.0/0", ""])
def test_what_is_no_address_to_ban(prefix: str) -> None:
    with pytest.raises(RequestInvalid):
        address_key(prefix)


def test_of_several_bans_the_longest_counts_and_each_is_lifted_alone() -> None:
    """What is for good ends last of all; one that has ended counts no more."""
    key = address_key("192.0.2.0/24")[1]
    short, long = ban(1, key, until=NOW + 5, reason="short"), ban(2, key, reason="long")
    other = ban(3, address_key("198.51.100.0/24")[1], until=NOW)
    bans = Bans()
    for each in (short, long, other):
        bans.add(each)
    with pytest.raises(Banned) as found:
        let_in(bans, address=HOME)
    assert "long" in str(found.value)
    assert [other] == bans.ended(NOW)
    let_in(bans, address="198.51.100.1")
    bans.lift(long)
    with pytest.raises(Banned) as found:
        let_in(bans, address=HOME)
    assert "short" in str(found.value)
    bans.lift(short)
    bans.lift(other)
    let_in(bans, address=HOME)


def test_a_ban_of_an_identity_and_of_a_name() -> None:
    """Of a name also where it only looks the same."""
    bans = Bans()
    bans.add(ban(1, identity_key("ann@example.org")))
    bans.add(ban(2, *name_keys(name_tag("Bob", characters=32))))
    let_in(bans, subject="carl@example.org", name="Carl")
    for somebody in ({"subject": "ann@example.org"}, {"name": "bob"}):
        with pytest.raises(Banned):
            let_in(bans, **somebody)


def test_a_ban_is_read_as_it_was_stored() -> None:
    one = ban(7, "name:bob", until=9, reason="“loud”")
    assert one == Ban.of(one.stored())
