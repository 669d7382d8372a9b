"""Operators about TLS on either side, and the certificates that were shown.

Owns the operators. The gate's own certificates are not among them: whoever configured them knows them.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.telemetry import certificates
from outgate.telemetry.event import Event, Tls
from outgate.telemetry.operators.kinds import Operator, Read, Value, plain
from outgate.telemetry.showing import Showing
from outgate.telemetry.stamps import writer

type Side = Callable[[Event], Tls | None]


def _downstream(event: Event) -> Tls | None:
    return event.downstream_tls


def _upstream(event: Event) -> Tls | None:
    return event.last.tls if event.last is not None else None


def _told(side: Side, name: str) -> Read:
    """A field of `Tls`."""

    def read(event: Event) -> Value:
        tls = side(event)
        return getattr(tls, name) or None if tls is not None else None

    return read


def _peer(side: Side, name: str) -> Read:
    """A field of the other side's certificate."""

    def read(event: Event) -> Value:
        tls = side(event)
        shown = certificates.read(tls.peer) if tls is not None else None
        return getattr(shown, name) or None if shown is not None else None

    return read


def _moment(side: Side, name: str, says: str) -> Operator:
    def compiler(argument: str | None, showing: Showing) -> Read:
        write, at = writer(argument or ""), _peer(side, name)

        def read(event: Event) -> Value:
            seconds = at(event)
            return write(seconds) if isinstance(seconds, float) else None

        return read

    return Operator(says, compiler, takes="a format as of START_TIME")


PEER = {
    "SUBJECT": ("subject", "the subject"),
    "ISSUER": ("issuer", "the issuer"),
    "SERIAL": ("serial", "the serial number, hexadecimal"),
    "FINGERPRINT_256": ("sha256", "SHA-256, hexadecimal"),
    "FINGERPRINT_1": ("sha1", "SHA-1, hexadecimal"),
    "DNS_SAN": ("dns", "the DNS names"),
    "URI_SAN": ("uri", "the URIs"),
    "IP_SAN": ("ip", "the addresses"),
    "EMAIL_SAN": ("email", "the mail addresses"),
}
TOLD = {
    "VERSION": ("version", "the version of TLS"),
    "CIPHER": ("cipher", "the cipher"),
}


def _of(prefix: str, who: str, side: Side) -> dict[str, Operator]:
    peer = f"the {who}'s certificate"
    return {
        **{f"{prefix}_TLS_{name}": plain(f"{says}, {who}", _told(side, key)) for name, (key, says) in TOLD.items()},
        **{f"{prefix}_PEER_{name}": plain(f"{says} in {peer}", _peer(side, key)) for name, (key, says) in PEER.items()},
        f"{prefix}_PEER_CERT_V_START": _moment(side, "begins", f"from when {peer} is valid"),
        f"{prefix}_PEER_CERT_V_END": _moment(side, "ends", f"until when {peer} is valid"),
    }


OPERATORS = {
    **_of("DOWNSTREAM", "workload", _downstream),
    **_of("UPSTREAM", "origin", _upstream),
    "UPSTREAM_SERVER_NAME": plain("the name that the gate asked for in TLS", _told(_upstream, "sni")),
    "TLS_JA3_FINGERPRINT": plain("JA3 of the workload's hello, in tunnels too", lambda event: event.ja3 or None),
    "TLS_JA4_FINGERPRINT": plain("JA4 of it", lambda event: event.ja4 or None),
}
