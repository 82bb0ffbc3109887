"""What comes while a member is let in is counted too, however it is cut."""

from __future__ import annotations

import socket

import pytest

from bench.peers.jetstream import JetStreamCrowd
from bench.peers.limit import LimitCrowd
from bench.peers.plain import PlainCrowd
from bench.peers.prosody import XmppCrowd
from bench.rooms import Place
from bench.tally import AFTER_STAMP, BEFORE_STAMP

SECONDS = 5
TEXT = BEFORE_STAMP + b"0" * 16 + AFTER_STAMP
CREATED = b'{"type":"io.nats.jetstream.api.v1.consumer_create_response"}'
DELIVERED = b"MSG to.1.1 2 $JS.ACK.chat.one.1.%d.1.1.0 64\r\n" + TEXT + b"\r\n"
JETSTREAM = (
    b"INFO {}\r\n"
    + DELIVERED % 1
    + b"MSG in.1 1 %d\r\n" % len(CREATED)
    + CREATED
    + b"\r\n"
    + DELIVERED % 2
    + DELIVERED % 3
)
XMPP = (
    b"<stream:features/></stream:features><success/><stream></stream:features>"
    b"<jid>a</jid><presence code='110'/>" + b"<message><body>%b</body></message>" % TEXT * 3
)
LIMIT = b"in\n" + TEXT * 3


@pytest.mark.parametrize("size", [1, 7, 41, 97, 10_000])
@pytest.mark.parametrize(
    ("crowd", "octets"),
    [(JetStreamCrowd, JETSTREAM), (XmppCrowd, XMPP), (LimitCrowd, LIMIT)],
)
def test_messages_among_the_answers_are_counted(
    crowd: type[PlainCrowd], octets: bytes, size: int
) -> None:
    """Those before the answer, after it, and one that a read has cut in two."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        members = crowd(listener.getsockname()[1])
        member = members.join(members.open(), Place("tea", "Ann"))
        server, _ = listener.accept()
        with server:
            for at in range(0, len(octets), size):
                server.sendall(octets[at : at + size])
                members.loop.turn(SECONDS)
            members.loop.close()
    assert member.entered
    assert 3 == member.tally.count
