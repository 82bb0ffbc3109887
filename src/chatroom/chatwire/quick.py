"""Records that are made quickly: many are made for each frame of a capture."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar

Record = TypeVar("Record")


def quick(kind: type[Record]) -> type[Record]:
    """Have a frozen dataclass set its fields as a plain one does.

    What is frozen sets each field by `object.__setattr__`, to get around its own `__setattr__`;
    for a `Frame` that is 2.1 µs of 3.3. The type checker still says where somebody assigns to one;
    at run time nothing does. It must have slots, and no `__post_init__`.
    """
    names = {one.name: one.type for one in fields(kind)}  # type: ignore[arg-type] # a dataclass
    namespace: dict[str, Any] = {"__annotations__": names}
    for one in fields(kind):  # type: ignore[arg-type] # likewise
        if one.default is not MISSING:
            namespace[one.name] = field(default=one.default)
        elif one.default_factory is not MISSING:
            namespace[one.name] = field(default_factory=one.default_factory)
    keywords = all(one.kw_only for one in fields(kind))  # type: ignore[arg-type] # likewise
    plain: Any = dataclass(kw_only=keywords)(type(kind.__name__, (), namespace))
    setattr(kind, "__init__", plain.__init__)  # noqa: B010 # a type checker would object
    del kind.__setattr__, kind.__delattr__
    return kind
