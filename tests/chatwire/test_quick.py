"""Records that are made quickly are the dataclasses that they say they are."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, fields, replace

import pytest

from chatroom.chatwire.quick import quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    one: int
    two: str = "b"
    many: list[int] = field(default_factory=list)


@quick
@dataclass(frozen=True, slots=True)
class Pair:
    one: int
    two: int = 2


def test_they_are_made_compared_copied_and_sent() -> None:
    """With their defaults, by keyword or by place as declared, over a pipe too."""
    record = Record(one=1)
    assert (1, "b", []) == (record.one, record.two, record.many)
    assert record.many is not Record(one=1).many
    assert replace(record, two="c") == Record(one=1, two="c")
    assert record == pickle.loads(pickle.dumps(record))
    assert ["one", "two", "many"] == [each.name for each in fields(record)]
    assert "Record(one=1, two='b', many=[])" == repr(record)
    assert (Pair(1), hash(Pair(1))) == (Pair(1, 2), hash(Pair(1, 2)))


def test_wrong_arguments_are_refused() -> None:
    """As by any dataclass."""
    with pytest.raises(TypeError):
        Record(1)  # type: ignore[misc] # that is what is shown
    with pytest.raises(TypeError):
        Record()  # type: ignore[call-arg] # likewise
    with pytest.raises(AttributeError):
        Pair(1).three = 3  # type: ignore[attr-defined] # it has slots
