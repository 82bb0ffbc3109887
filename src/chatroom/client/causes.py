"""Why a server cannot be reached: what gRPC's core says of it, and how a person would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chatroom.client.proxies import Proxy


class Cause(NamedTuple):
    """What went wrong with a connection."""

    what: str
    advice: str = ""
    """What to do about it, for who calls this library; empty: nothing is known to help."""


REFUSED = Cause("connection refused")
REFUSED_BY_PROXY = Cause("the proxy does not let it through")
NO_HOST = Cause("there is no host of that name")
NOT_TLS = Cause("it does not speak TLS", "insecure=True connects without, and protects nothing")
NOT_PLAIN = Cause(
    "it closes the connection at once",
    "does it want TLS? tls=Tls(ca=…) speaks that, where plaintext is the default",
)
EXPIRED = Cause("its TLS certificate has expired", "whoever runs the server has to renew it")
NOT_YET_VALID = Cause("its TLS certificate is not valid yet", "is the clock of this machine right?")
SELF_SIGNED = Cause(
    "its TLS certificate is signed by itself alone",
    "if you know that it is the right one, tls=Tls(ca=…) with a copy of it trusts it",
)
UNKNOWN_CA = Cause(
    "its TLS certificate is from a CA that is not trusted here",
    "tls=Tls(ca=…) names a CA to trust; or the server does not send its whole chain",
)
NOT_TRUSTED = Cause(
    "its TLS certificate is not to be trusted", "tls=Tls(ca=…) names what is to be trusted"
)
OTHER_NAME = Cause(
    "its TLS certificate is for another name",
    "connect by a name that it has, or say tls=Tls(server_name=…)",
)
WANTS_CERTIFICATE = Cause(
    "it wants a TLS certificate from its clients that it trusts",
    "tls=Tls(certificate=…, key=…) shows one",
)
OTHER_TLS = Cause("the TLS handshake failed", "does it speak TLS 1.2 or newer?")

CAUSES = (
    ("connection refused", REFUSED),
    ("http proxy returned", REFUSED_BY_PROXY),
    ("failed parsing http/2", Cause("what answers there does not speak gRPC")),
    ("http1.x server", Cause("what answers there does not speak gRPC")),
    ("wrong_version_number", NOT_TLS),
    ("certificate has expired", EXPIRED),
    ("certificate is not yet valid", NOT_YET_VALID),
    ("self signed certificate in certificate chain", UNKNOWN_CA),
    ("self signed certificate", SELF_SIGNED),
    ("unable to get local issuer certificate", UNKNOWN_CA),
    ("certificate_verify_failed", NOT_TRUSTED),
    ("hostname verification", OTHER_NAME),
    ("unwrap failed", WANTS_CERTIFICATE),
    ("handshake", OTHER_TLS),
    ("domain name not found", NO_HOST),
    ("misformatted domain name", Cause("that cannot be the name of a host")),
    ("dns resolution failed", NO_HOST),
    ("dns server", Cause("no name server answers for it")),
    ("address lookup failed", Cause("its name cannot be looked up")),
    ("no route to host", Cause("no route to host")),
    ("network is unreachable", Cause("the network is unreachable")),
    ("permission denied", Cause("the system does not permit it")),
    ("too_many_pings", Cause("it ended the connection (too many pings)")),
    ("ping timeout", Cause("it does not answer any more")),
    ("keepalive", Cause("it does not answer any more")),
    ("timed out", Cause("it does not answer")),
    ("timeout", Cause("it does not answer")),
    ("failed to connect", NOT_PLAIN),
)
"""By what gRPC says, in lower case. The first that occurs is taken, so the order counts."""


BY_PROXY = {
    REFUSED: "the proxy refused the connection",
    NOT_PLAIN: "the connection was closed at once",
    NO_HOST: "there is no host of the proxy's name",
}
"""What some of them mean where a proxy is on the way."""


def cause_of(said: str) -> Cause | None:
    """What went wrong, by what gRPC says of it."""
    said = said.lower()
    return next((cause for sign, cause in CAUSES if sign in said), None)


def behind(proxy: Proxy, cause: Cause, host: str) -> Cause:
    """What went wrong on the way by a proxy to a host.

    Unless the server is known to have answered, the proxy may be what is not meant.
    """
    what = BY_PROXY.get(cause, cause.what)
    if cause.advice and what == cause.what:
        return cause
    return Cause(what, f"{proxy.exceptions}={host} goes past the proxy")
