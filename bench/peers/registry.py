"""All servers of other kinds, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers.centrifugo import Centrifugo
from bench.peers.jetstream import JetStream, SyncedJetStream
from bench.peers.limit import Limit
from bench.peers.mosquitto import Mosquitto
from bench.peers.nats import Nats
from bench.peers.ngircd import NgIrcd
from bench.peers.prosody import Prosody
from bench.peers.redis_streams import RedisStreams, SyncedRedisStreams

if TYPE_CHECKING:
    from bench.peers.peer import Peer

OTHERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Nats(),
        JetStream(),
        SyncedJetStream(),
        RedisStreams(),
        SyncedRedisStreams(),
        Mosquitto(),
        NgIrcd(),
        Prosody(),
        Centrifugo(),
        Limit(),
    )
}
