"""ngIRCd: a room is a channel, a member a nick in it (RFC 2812).

Who speaks gets nothing back, and everybody in a channel is shown who comes, as in our rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers.peer import Keeps, Peer, version_in
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.servers import Program, free_port
from bench.sockets import HOST, Poll, WireError

if TYPE_CHECKING:
    from pathlib import Path

END_OF_MOTD, NO_MOTD, END_OF_NAMES = b"376", b"422", b"366"
SILENCE_SECONDS = 3600
"""Without PING: nothing may come but messages."""


class IrcConnection(PlainConnection):
    """One connection: a nick, which may be in several channels."""

    _opened = 0

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        IrcConnection._opened += 1
        self._registered = False
        nick = b"m%d" % IrcConnection._opened
        self.write(b"NICK %b\r\nUSER %b 0 * :%b\r\n" % (nick, nick, nick))

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        return b"PRIVMSG #%b :" % member.place.room_id.encode(), b"\r\n"

    def ask(self, member: PlainMember) -> None:
        if self._registered:
            self.write(b"JOIN #%b\r\n" % member.place.room_id.encode())

    def answered(self, octets: bytes) -> bytes:
        *lines, rest = octets.split(b"\r\n")
        for line in lines:
            words = line.split(b" ", 2)
            code = words[1] if len(words) > 1 else b""
            if code == END_OF_NAMES:
                self.waiting.popleft().entered = True
            elif code in {END_OF_MOTD, NO_MOTD}:
                self._registered = True
                for member in self.waiting:
                    self.ask(member)
            elif words[0] == b"ERROR" or (code.isdigit() and code[:1] in b"45"):
                raise WireError(f"the IRC server answers {line!r}")
        return rest


class IrcCrowd(PlainCrowd):
    """Members on the port of an IRC server."""

    connection = IrcConnection


class NgIrcd(Peer):
    """ngircd with its penalties and limits off."""

    name = "ngircd"
    title = "ngIRCd"
    keeps = Keeps.NOTHING
    program_name = "ngircd"
    get = "Debian's ngircd"

    def version(self) -> str:
        return version_in([self.executable(), "--version"], r"ngIRCd ([\d.]+)")

    def program(self, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        port = free_port()
        config = data / "ngircd.conf"
        config.write_text(
            f"[Global]\nName = bench.test\nInfo = bench\nListen = {HOST}\nPorts = {port}\n"
            "ServerUID = 0\nServerGID = 0\nMotdPhrase = bench\n"
            "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxNickLength = 16\n"
            f"MaxPenaltyTime = 0\nPingTimeout = {SILENCE_SECONDS}\nMaxListSize = 10\n"
            "[Options]\nDNS = no\nIdent = no\nPAM = no\n"
        )
        return Program([self.executable(), "--nodaemon", "-f", str(config)], port=port)

    def crowd(self, port: int) -> IrcCrowd:
        return IrcCrowd(port)
