"""Both ends of flow control (RFC 9113, 5.2), where what one sends is not what the other gets.

The receiver's window is what it lets the tap send; the sender's is what it believes that it
may send. As long as all passes, they differ by what the tap holds. Bytes that are dropped the
tap gives back to the sender in its own name. For bytes that it invents it keeps as much of the
receiver's next updates to itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chatroom.wire.http2.frames import DEFAULT_WINDOW, LARGEST_WINDOW


@dataclass(slots=True)
class Account:
    """The windows of a stream, or of the connection."""

    receiver: int
    """Bytes that may still be passed on."""
    sender: int
    """Bytes that may still come."""
    debt: int = 0
    """Bytes of the receiver's next updates that the sender has already, or the tap has used."""
    broken: bool = False
    """Whether the sender has sent more than it might: then what it sends is not held up."""

    def move(self, count: int) -> None:
        """Both ends have so many bytes more, or less, alike."""
        self.receiver += count
        self.sender += count

    def granted(self, increment: int) -> int:
        """The receiver has given so much; how much of it is for the sender."""
        self.receiver += increment
        kept = min(self.debt, increment)
        self.debt -= kept
        return increment - kept

    def credit(self, count: int) -> int:
        """Bytes of the sender will never be passed on; how much to give it for them now."""
        paid = min(self.debt, count)
        self.debt -= paid
        given = min(count - paid, LARGEST_WINDOW - max(self.sender, 0))
        self.sender += given
        return given

    def lend(self, needed: int) -> int:
        """The sender must be able to send so much; how much to give it for that now."""
        return self.advance(max(needed - self.sender, 0))

    def advance(self, count: int) -> int:
        """Give the sender so much now that the receiver will give later; how much that is."""
        given = min(count, LARGEST_WINDOW - max(self.sender, 0))
        self.sender += given
        self.debt += given
        return given


@dataclass(slots=True)
class Windows:
    """The windows for the DATA of one side."""

    connection: Account = field(default_factory=lambda: Account(DEFAULT_WINDOW, DEFAULT_WINDOW))
    streams: dict[int, Account] = field(default_factory=dict)
    """Of the streams on which something may be altered."""
    _receiver_initial: int = DEFAULT_WINDOW
    _sender_initial: int = DEFAULT_WINDOW

    @property
    def plain(self) -> bool:
        """Whether all that the receiver gives is for the sender."""
        return not self.streams and not self.connection.debt

    def open(self, stream: int) -> None:
        """Follow a stream that begins."""
        self.streams[stream] = Account(self._receiver_initial, self._sender_initial)

    def close(self, stream: int) -> None:
        """Forget a stream."""
        self.streams.pop(stream, None)

    def of(self, stream: int) -> tuple[Account, ...]:
        """The accounts that DATA on a stream is charged to."""
        account = self.streams.get(stream)
        return (self.connection,) if account is None else (account, self.connection)

    def sent(self, stream: int, count: int) -> None:
        """So many bytes of DATA have come."""
        for account in self.of(stream):
            account.sender -= count
            if account.sender < 0 and count:
                account.broken = True

    def passed(self, stream: int, count: int) -> None:
        """So many bytes of DATA were passed on."""
        for account in self.of(stream):
            account.receiver -= count

    def room(self, stream: int) -> int:
        """Bytes that may be passed on now."""
        return min(account.receiver for account in self.of(stream))

    def broken(self, stream: int) -> bool:
        """Whether the sender itself does not keep to its windows."""
        return any(account.broken for account in self.of(stream))

    def owe(self, stream: int, count: int) -> None:
        """So many bytes that nobody has sent will be passed on; negative: no more."""
        for account in self.of(stream):
            account.debt = max(account.debt + count, 0)

    def resized(self, initial: int) -> None:
        """The sender has acknowledged the receiver's initial window (6.9.2)."""
        for account in self.streams.values():
            account.receiver += initial - self._receiver_initial
            account.sender += initial - self._sender_initial
        self._receiver_initial = self._sender_initial = initial

    def told(self, initial: int) -> None:
        """The sender has acknowledged an initial window that the tap has made up."""
        for account in self.streams.values():
            account.sender += initial - self._sender_initial
        self._sender_initial = initial
