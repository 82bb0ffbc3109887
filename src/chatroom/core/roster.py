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

    __slots__ = ("_by_key", "_by_name", "_limits", "_sorted")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_name: dict[str, Member] = {}
        """By `NameTag.key`."""
        self._by_key: dict[str, Member] = {}
        """By every key of a name tag: what a newcomer's must not collide with."""

        self._sorted: list[str] = []
        """The keys of `_by_name`, in order."""

    def __len__(self) -> int:
        return len(self._by_name)

    def members(self) -> list[Member]:
        """Everybody, in order of arrival."""
        return list(self._by_name.values())

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

    def check_free(self, tag: NameTag) -> None:
        """Raise NameTaken, with a name that is free, if somebody has this one."""
        if any(key in self._by_key for key in tag.keys):
            free = names.free_name(
                tag, self._by_key.__contains__, characters=self._limits.name_characters
            )
            raise NameTaken(tag.text, free)

    def add(self, member: Member) -> None:
        """Put a member under its name, or in place of another object for the same member."""
        if member.tag.key not in self._by_name:
            insort(self._sorted, member.tag.key)
        self._by_name[member.tag.key] = member
        self._by_key.update(dict.fromkeys(member.tag.keys, member))

    def remove(self, member: Member) -> None:
        """Take a member off, if it is on."""
        if self._by_name.get(member.tag.key) is member:
            del self._by_name[member.tag.key]
            del self._sorted[bisect_right(self._sorted, member.tag.key) - 1]
            for key in member.tag.keys:
                del self._by_key[key]
