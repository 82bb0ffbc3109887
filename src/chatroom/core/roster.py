"""The roster: who is in a room, and which names a newcomer may have."""

from __future__ import annotations

from bisect import bisect_right, insort

from . import names
from .limits import Limits
from .member import Member
from .names import NameTag
from .refusals import NameTaken


class Roster:
    """The members of one room, in order of arrival, each under one name tag."""

    __slots__ = ("_by_author", "_by_key", "_by_name", "_limits", "_sorted")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_author: dict[int, Member] = {}
        """In order of arrival."""
        self._by_name: dict[str, Member] = {}
        """By `NameTag.key`."""
        self._by_key: dict[str, Member] = {}
        """By every key of a name tag, and of one that a member is about to have: what a
        newcomer's must not collide with."""

        self._sorted: list[str] = []
        """The keys of `_by_name`, in order."""

    def __len__(self) -> int:
        return len(self._by_author)

    def members(self) -> list[Member]:
        """Everybody, in order of arrival."""
        return list(self._by_author.values())

    def following(self, key: str, count: int) -> list[Member]:
        """The first `count` members above a key, in order of `NameTag.key`."""
        begin = bisect_right(self._sorted, key)
        return [self._by_name[each] for each in self._sorted[begin : begin + count]]

    def called(self, name: str) -> Member | None:
        """The member of this name tag, compared as RFC 8266 does; raises NameInvalid."""
        return self._by_name.get(names.name_tag(name, characters=self._limits.name_characters).key)

    def colliding(self, tag: NameTag) -> set[Member]:
        """Who has a name that passes for this one."""
        return {self._by_key[key] for key in tag.keys if key in self._by_key}

    def has_key(self, key: str) -> bool:
        """Whether a key of a name tag is somebody's, or is about to be."""
        return key in self._by_key

    def by_author(self, author: int) -> Member | None:
        """The member whose number this is."""
        return self._by_author.get(author)

    def formerly(self, tag: NameTag) -> list[Member]:
        """Who was called so before, to the letter but for upper and lower case."""
        folded = tag.text.casefold()
        return [
            member
            for member in self._by_author.values()
            if member.naming.former and folded in map(str.casefold, member.naming.former)
        ]

    def check_free(self, tag: NameTag, but: Member | None = None) -> None:
        """Raise NameTaken, with a name that is free, if somebody else has this one."""
        if any(self._by_key.get(key, but) is not but for key in tag.keys):
            free = names.free_name(tag, self.has_key, characters=self._limits.name_characters)
            raise NameTaken(tag.text, free)

    def add(self, member: Member) -> None:
        """Put a member under its name, or in place of another object for the same member."""
        if member.tag.key not in self._by_name:
            insort(self._sorted, member.tag.key)
        self._by_author[member.author] = member
        self._by_name[member.tag.key] = member
        self._by_key.update(dict.fromkeys(_keys(member), member))

    def remove(self, member: Member) -> None:
        """Take a member off, if it is on."""
        if self._by_author.get(member.author) is member:
            del self._by_author[member.author]
            self._drop_name(member.tag.key)
            for key in _keys(member):
                del self._by_key[key]

    def reserve(self, member: Member, tag: NameTag) -> None:
        """A member is about to have a name, which is free for it."""
        self._by_key.update(dict.fromkeys(tag.keys, member))

    def release(self, member: Member, tag: NameTag) -> None:
        """It is not to have that name after all, or not any more."""
        for key in set(tag.keys) - _keys(member):
            del self._by_key[key]

    def renamed(self, member: Member, old: NameTag) -> None:
        """It has the name that was reserved for it."""
        self._drop_name(old.key)
        insort(self._sorted, member.tag.key)
        self._by_name[member.tag.key] = member
        self.release(member, old)

    def _drop_name(self, key: str) -> None:
        del self._by_name[key]
        del self._sorted[bisect_right(self._sorted, key) - 1]


def _keys(member: Member) -> set[str]:
    """Of its name tag, and of one that it is about to have."""
    drafted = member.naming.drafted
    return {*member.tag.keys, *(drafted.keys if drafted is not None else ())}
