"""A frame as a JSON object."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatroom.chatwire.decode import Message, Status
    from chatroom.chatwire.decode.records import Frame


def json_line(frame: Frame) -> str:
    """One line of ASCII. Its names are those of `Frame`; bytes are in hex.

    `time` is a string as in RFC 3339, with nanoseconds: as a number it would be beyond what
    JavaScript and jq read exactly (2^53). The other times are numbers of nanoseconds.
    """
    try:
        return _written(as_object(frame))
    except RecursionError:
        # JSON from the wire, nested as deep as can just be read: its text is there still.
        return _written(as_object(frame, values=False))


def _written(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n"


def as_object(frame: Frame, *, values: bool = True) -> dict[str, Any]:
    """What `json_line` writes. What is None is left out, as are all values of messages if told."""
    written = {
        one.name: _plain(getattr(frame, one.name))
        for one in fields(frame)
        if one.name not in ("detail", "messages")
    }
    written["time"] = moment(frame.time)
    detail = {} if frame.detail is None else _fields(frame.detail)
    if status := getattr(frame.detail, "status", None):
        detail["status"] = _status(status)
    written["detail"] = detail
    written["messages"] = [_message(message, values=values) for message in frame.messages]
    return {name: value for name, value in written.items() if value is not None}


def moment(time: int) -> str:
    """Nanoseconds since 1970-01-01 UTC as RFC 3339 writes it: 2026-11-23T07:30:00.123456789Z."""
    seconds, nanoseconds = divmod(time, 10**9)
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def _message(message: Message, *, values: bool = True) -> dict[str, Any]:
    written = {
        "part": str(message.part),
        "type_name": message.type_name,
        "flags": message.flags,
        "compressed": message.compressed,
        "wire_length": message.wire_length,
        "text": message.text,
        "value": message.as_json() if values else None,
        "status": _status(message.status) if message.status else None,
        "problem": message.problem or None,
    }
    return {name: value for name, value in written.items() if value is not None}


def _status(status: Status) -> dict[str, Any]:
    return {
        "code": status.code,
        "name": status.name,
        "message": status.message,
        "details": [_message(detail) for detail in status.details],
    }


def _fields(record: Any) -> dict[str, Any]:
    plain = {one.name: _plain(getattr(record, one.name)) for one in fields(record)}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return _fields(value)
    return value
