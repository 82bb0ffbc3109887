"""What makes a page another one, and what does not."""

from __future__ import annotations

from chatroom.chatwire.lab.pages import stable

LINES = """
    0.034   +0.000   #1 ←    1 DATA          69 bytes  window 218 / 65253  Message {name: "Ann"
                                        message: "Has entered the chat" sequence: 1 sent {
                                        seconds: 1795414912 nanos: 88037715 }}
    0.034   +0.001   #1 →    0 PING          61726520796f753f
    0.035   +0.001   #1 ←    0 PING          ACK  round trip 0.054 ms
    0.041   +0.006   #1 ←    1 HEADERS       END_STREAM  OK (0)
                                      date: Mon, 23 Nov 2026 06:03:42 GMT
                                      :authority: 127.0.0.1:36693
"""
LATER = """
   12.345  +10.000   #1 ←    1 DATA          68 bytes  window 217 / 65252  Message {name: "Ann"
                                        message: "Has entered the chat" sequence: 1 sent { seconds:
                                        1895414912 }}
   12.345   +0.000   #1 →    0 PING          00000000796f753f
   12.345   +0.000   #1 ←    0 PING          ACK  round trip 11.250 ms
   12.346   +0.001   #1 ←    1 HEADERS       END_STREAM  OK (0)
                                      date: Tue, 24 Nov 2026 16:03:42 GMT
                                      :authority: 127.0.0.1:4433
"""


def test_another_run_is_the_same_page() -> None:
    """Times, sizes that depend on them, ports: and so where lines are broken."""
    assert stable(LINES) == stable(LATER)


def test_another_frame_is_another_page() -> None:
    """Texts, statuses, flags, streams, directions and clients count."""
    changes = {
        "Has entered": "Has left",
        "OK (0)": "NOT_FOUND (5)",
        "END_STREAM": "",
        "1 HEADERS": "3 HEADERS",
        "←    1 DATA": "→    1 DATA",
        "#1 ←": "#2 ←",
        "sequence: 1": "sequence: 2",
    }
    for old, new in changes.items():
        assert stable(LINES) != stable(LINES.replace(old, new)), old


def test_a_message_that_is_cut_short_counts_up_to_its_type() -> None:
    """Where it is cut depends on what stands before; the frames around it count all the same."""
    lines = (
        'Message {name: "Ann" }} DATA Message {name: "Bob" joined { session: "a… (+9 characters)}'
    )
    other = 'Message {name: "Ann" }} DATA Message {name: "Bob" joined { ses… (+14 characters)}'
    assert stable(lines) == stable(other)
    assert stable(lines) != stable(other.replace("Ann", "Eve"))
