"""Numbers of link layers in capture files (https://www.tcpdump.org/linktypes.html)."""

from __future__ import annotations

from enum import IntEnum


class LinkType(IntEnum):
    """Those that are read here."""

    NULL = 0
    """BSD loopback: an address family in the order of the machine."""
    ETHERNET = 1
    PPP = 9
    RAW_BSD = 12
    RAW_OPENBSD = 14
    """These two are what some systems wrote for RAW."""
    PPP_HDLC = 50
    PPP_ETHER = 51
    RAW = 101
    C_HDLC = 104
    LOOP = 108
    LINUX_SLL = 113
    """Linux "any" devices, and with SLL2 their second version."""
    PKTAP_DARWIN = 149
    """What Darwin writes for PKTAP: a number for private use (USER2)."""
    PPP_WITH_DIR = 204
    IPV4 = 228
    IPV6 = 229
    NFLOG = 239
    PKTAP = 258
    LINUX_SLL2 = 276


OTHERS = {
    6: "Token Ring", 8: "SLIP", 10: "FDDI", 100: "ATM", 105: "IEEE 802.11", 107: "Frame Relay",
    117: "PFLOG", 119: "IEEE 802.11 with Prism", 122: "IP over Fibre Channel",
    127: "IEEE 802.11 with radiotap", 163: "IEEE 802.11 with AVS", 187: "Bluetooth",
    189: "USB", 192: "PPI", 195: "IEEE 802.15.4", 197: "ERF", 201: "Bluetooth", 220: "USB",
    230: "IEEE 802.15.4", 242: "IP over InfiniBand", 249: "USB", 253: "netlink",
    254: "Bluetooth", 271: "vsock",
}  # fmt: skip
"""Names of those that are not."""


def link_type_named(number: int) -> str:
    """The number, with its name where that is known."""
    if 147 <= number <= 162:
        return f"{number} (for private use)"
    return f"{number} ({OTHERS[number]})" if number in OTHERS else str(number)
