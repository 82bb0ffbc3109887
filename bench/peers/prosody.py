"""Prosody: a room is an XMPP MUC (XEP-0045), a member an occupant of it.

Members are anonymous (RFC 4505) and in clear text. A room sends what an occupant says back to
it too, so who speaks reads it unread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers.peer import Keeps, Peer, version_in
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.servers import Program, free_port
from bench.sockets import HOST, Poll, WireError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.rooms import Place

DOMAIN = b"bench.test"
ROOMS = b"rooms.bench.test"
OPEN = (
    b"<stream:stream to='%b' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>" % DOMAIN
)
AUTH = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"
BIND = b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
STEPS = (
    (b"</stream:features>", AUTH),
    (b"<success", OPEN),
    (b"</stream:features>", BIND),
    (b"</jid>", b""),
)
"""What the connection waits for until it is bound, and what it answers (RFC 6120)."""
SELF = b"code='110'"
"""The status of an occupant's own presence, which comes last of all presences (XEP-0045, 7.2.2)."""
KEPT = 1_000


class XmppConnection(PlainConnection):
    """One connection: a session that may be in several rooms."""

    _opened = 0

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        XmppConnection._opened += 1
        self._nick = b"m%d" % XmppConnection._opened
        self._step = 0
        self.history = 0
        """Earlier messages that are asked for with a room."""
        self.write(OPEN)

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        to = member.place.room_id.encode() + b"@" + ROOMS
        return b"<message type='groupchat' to='%b'><body>" % to, b"</body></message>"

    def ask(self, member: PlainMember) -> None:
        if self._step == len(STEPS):
            room = member.place.room_id.encode()
            self.write(
                b"<presence to='%b@%b/%b'><x xmlns='http://jabber.org/protocol/muc'>"
                b"<history maxstanzas='%d'/></x></presence>"
                % (room, ROOMS, self._nick, self.history)
            )

    def answered(self, octets: bytes) -> bytes:
        if b"<stream:error" in octets or b"type='error'" in octets or b"<failure" in octets:
            raise WireError(f"the XMPP server answers {octets[-500:]!r}")
        while self._step < len(STEPS):
            awaited, answer = STEPS[self._step]
            found = octets.find(awaited)
            if found < 0:
                return octets
            octets = octets[found + len(awaited) :]
            self._step += 1
            self.write(answer)
            if self._step == len(STEPS):
                for member in self.waiting:
                    self.ask(member)
        while self.waiting and (found := octets.find(SELF)) >= 0:
            octets = octets[found + len(SELF) :]
            self.waiting.popleft().entered = True
        return octets


class XmppCrowd(PlainCrowd):
    """Members on the port of an XMPP server."""

    connection = XmppConnection
    deaf_speakers = True

    def replay(self, connection: PlainConnection, place: Place) -> PlainMember:
        """Join, and be given what is kept of the room."""
        assert isinstance(connection, XmppConnection)
        connection.history = KEPT
        return self.join(connection, place)


class Prosody(Peer):
    """Prosody with its MUC component; rooms keep their history in memory."""

    name = "prosody"
    title = "Prosody (XMPP MUC)"
    keeps = Keeps.MEMORY
    program_name = "prosody"
    get = "Debian's prosody"
    replays = True

    def version(self) -> str:
        return version_in(["prosodyctl", "about"], r"Prosody (\d[\d.]*)")

    def program(self, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        port = free_port()
        config = data / "prosody.cfg.lua"
        domain, rooms = DOMAIN.decode(), ROOMS.decode()
        config.write_text(
            f'data_path = "{data}"\npidfile = "{data}/pid"\nrun_as_root = true\n'
            'log = { warn = "*console" }\nmodules_enabled = { "saslauth" }\n'
            'modules_disabled = { "s2s", "tls", "offline", "posix" }\n'
            f"c2s_ports = {{ {port} }}\nc2s_interfaces = {{ '{HOST}' }}\n"
            "c2s_direct_tls_ports = {}\ns2s_ports = {}\nhttp_ports = {}\nhttps_ports = {}\n"
            "c2s_require_encryption = false\nallow_unencrypted_plain_auth = true\n"
            f'VirtualHost "{domain}"\n  authentication = "anonymous"\n'
            f'Component "{rooms}" "muc"\n  muc_room_locking = false\n'
            "  restrict_room_creation = false\n"
            f"  max_history_messages = {KEPT}\n  muc_room_default_history_length = {KEPT}\n"
        )
        return Program([self.executable(), "-F", "--config", str(config)], port=port)

    def crowd(self, port: int) -> XmppCrowd:
        return XmppCrowd(port)
