"""Windows, as they are left after each frame."""

from __future__ import annotations

from chatroom.chatwire.decode import Frame, records
from chatroom.chatwire.passage import Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE

from .wire import REQUEST, Talk, notes


def windows(frames: list[Frame]) -> list[tuple[int | None, int | None]]:
    return [
        (frame.detail.window.stream, frame.detail.window.connection)
        for frame in frames
        if isinstance(frame.detail, records.Data | records.WindowUpdate)
    ]


def test_windows_shrink_with_data_and_grow_with_updates() -> None:
    """Of the stream and of the connection, for each direction apart."""
    talk = Talk().begin()
    talk.call()
    made = [
        *talk.client(frames.data(1, bytes(1000))),
        *talk.server(frames.window_update(1, 10), frames.window_update(0, 20)),
        *talk.server(frames.data(1, bytes(5))),
        *talk.client(frames.window_update(1, 5)),
    ]
    assert [
        (64535, 64535),
        (64545, 64535),
        (None, 64555),
        (65530, 65530),
        (65535, 65530),
    ] == windows(made)


def test_settings_count_from_their_acknowledgement() -> None:
    """And change the windows of open streams, also below zero (RFC 9113, 6.9.2)."""
    talk = Talk().begin()
    talk.call()
    talk.client(frames.data(1, bytes(1000)))
    talk.server(frames.settings((4, 500)))
    assert [(63535, 63535)] == windows(talk.client(frames.data(1, bytes(1000))))
    talk.client(frames.SETTINGS_ACK)
    made = talk.client(frames.data(1, b"", end=True))
    assert [(-1500, 63535)] == windows(made)
    assert "" == notes(made)
    talk.client(talk.headers(Side.CLIENT, 3, REQUEST))
    assert [(499, 63534)] == windows(talk.client(frames.data(3, b"x")))


def test_a_sender_may_know_larger_windows_before_it_acknowledges_them() -> None:
    """What it sends shows that it does."""
    talk = Talk()
    talk.client(PREFACE, frames.settings())
    talk.server(frames.settings((4, 100_000)), frames.window_update(0, 100_000))
    talk.client(talk.headers(Side.CLIENT, 1, REQUEST))
    made = [frame for _ in range(5) for frame in talk.client(frames.data(1, bytes(16000)))]
    made += talk.client(frames.SETTINGS_ACK, frames.data(1, b"x"))
    assert "" == notes(made)
    assert (19_999, 85534) == windows(made)[-1]


def test_too_much_is_said() -> None:
    """Beyond the window of the stream, of the connection, and a window beyond 2^31-1."""
    talk = Talk().begin((4, 10))
    talk.client(talk.headers(Side.CLIENT, 1, REQUEST))
    (frame,) = talk.server(frames.data(1, bytes(11)))
    assert "1 bytes more than the stream's window allowed" in frame.notes[0]
    talk.call(3)
    made = [frame for _ in range(4) for frame in talk.client(frames.data(3, bytes(16384)))]
    assert "1 bytes more than the connection's window allowed" in notes(made[-1:])
    (update,) = talk.server(frames.window_update(0, (1 << 31) - 1))
    assert "" == notes([update])
    (update,) = talk.server(frames.window_update(0, 2))
    assert "above 2^31-1" in update.notes[0]
