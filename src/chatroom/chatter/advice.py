"""What to do when a server cannot be reached, in the words of this program."""

from __future__ import annotations

from chatroom.chatter.safe_text import one_line
from chatroom.client import ServerUnavailable

CERTIFICATE = "its TLS certificate "
ADVICE = {
    "connection refused": (
        "is the server running? start one with chatserver, or name it with --host"
    ),
    "it does not speak TLS": "--insecure connects without, and protects nothing",
    "it closes the connection at once": (
        "does it want TLS? leave out --insecure, and on this machine say --ca FILE"
    ),
    "the TLS handshake failed": "--insecure connects without TLS, and protects nothing",
    f"{CERTIFICATE}is not to be trusted": "--ca FILE names what is to be trusted",
    f"{CERTIFICATE}is signed by itself alone": (
        "if you know that it is the right one, --ca FILE with a copy of it trusts it"
    ),
    f"{CERTIFICATE}is from a CA that is not trusted here": "--ca FILE names a CA to trust",
    f"{CERTIFICATE}is for another name": (
        "connect by a name that it has, or say server-name in the configuration file"
    ),
    "it wants a TLS certificate from its clients that it trusts": (
        "--cert FILE and --key FILE show one"
    ),
}
"""What to do about the causes that chatter can do something about; for others the library says."""


def advised(error: Exception) -> str:
    """What went wrong, and what to do about it by the options of chatter; safe to print."""
    if isinstance(error, ServerUnavailable) and error.cause in ADVICE:
        sentence = str(error).removesuffix(f" ({error.advice})")
        return one_line(f"{sentence} ({ADVICE[error.cause]})")
    return one_line(str(error))
