"""The one name that a workload asks for, out of the up to five it gives.

Owns the agreement between SNI, `Host` or `:authority`, absolute URI, CONNECT or SOCKS target, and the original port.
Knows no policy: a name that everything agrees on may still be denied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from outgate.policy.hosts import HostError, canonical_authority, canonical_host, canonical_value
from outgate.policy.model import Code


@dataclass(frozen=True, slots=True)
class Claims:
    """What was said about the destination, each exactly as sent; None or empty where it was not said."""

    port: int
    """The original port: where the connection was going before it was redirected; 0 where a proxy was named instead."""
    default_port: int
    """The scheme's, 80 or 443: what an authority without a port means where there is no original port."""
    sni: str | None = None
    authorities: tuple[str, ...] = ()
    """Every `Host` field, or the `:authority`."""
    absolute: str | None = None
    """Authority of an absolute request target."""
    connect: str | None = None
    """Target of CONNECT or SOCKS, with its port."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The canonical name, or None where only an address was dialled, and the port."""

    host: str | None
    port: int
    authority: str = ""
    """The canonical name as a request gave it, with the port where it was sent and is not the scheme's own. Empty: no
    request named it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no one name."""

    code: Code
    reason: str


def agree(claims: Claims, *, nameless: bool = False) -> Agreed | Refusal:
    """The name that all claims share after canonicalisation.

    An authority without a port means the original port: clients leave it out where it is the scheme's default, and the
    connection says where it goes. A port that is there must be the original one. `nameless` accepts that no name was
    given at all, for destinations that are known by address.
    """
    port = claims.port or claims.default_port
    if len(claims.authorities) > 1:
        return Refusal(Code.REQUEST_MALFORMED, f"{len(claims.authorities)} Host fields; send one")
    try:
        said = list(_said(claims, port))
    except HostError as error:
        return Refusal(Code.NAME_MALFORMED, str(error))
    if not said:
        return Agreed(None, port) if nameless else Refusal(Code.NAME_MISSING, "no host was named")
    return _one(said, claims.port or said[-1][2] or port, _authority(claims))


def _authority(claims: Claims) -> str:
    """An absolute target stands before `Host`, as it does for a server. Both were found to be canonical hosts."""
    text = claims.absolute or (claims.authorities[0] if claims.authorities else "")
    return canonical_value(text).removesuffix(f":{claims.default_port}") if text else ""


def _said(claims: Claims, port: int) -> Iterator[tuple[str, str, int]]:
    if claims.sni is not None:
        yield "SNI", canonical_host(claims.sni), 0
    for what, text in (
        ("CONNECT target", claims.connect),
        ("absolute target", claims.absolute),
        ("Host", claims.authorities[0] if claims.authorities else None),
    ):
        if text is not None:
            yield what, *canonical_authority(text, port)


def _one(said: list[tuple[str, str, int]], port: int, authority: str) -> Agreed | Refusal:
    first, host, _ = said[0]
    for what, other, its_port in said:
        if other != host:
            return Refusal(Code.NAMES_DISAGREE, f"{first} says {host}, {what} says {other}")
        if its_port not in (0, port):
            return Refusal(Code.NAMES_DISAGREE, f"{what} says port {its_port}, the connection goes to {port}")
    return Agreed(host, port, authority)
