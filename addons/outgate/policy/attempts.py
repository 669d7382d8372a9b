"""A method and a URL as the attempt that a gate would make of them, without a connection.

Owns the order in which the data plane would look at what a workload says, from the target that a proxy is told to the
request inside TLS, and what it would make of each. Requests are HTTP/1's. Decides nothing and resolves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from outgate.policy import requests
from outgate.policy.decide import Treatment, tcp_only, treat
from outgate.policy.headers import joined, leaving
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.model import Attempt, AttemptKind, Code, Identity
from outgate.policy.names import Claims, Refusal, agree
from outgate.policy.snapshot import Policy
from outgate.policy.targets import hopeless, told
from outgate.policy.urls import DEFAULT_PORTS, Scheme, Url, parse_url

CONNECT = "CONNECT"


class Way(StrEnum):
    """How a workload reaches the gate."""

    TRANSPARENT = "transparent"
    """It dials its destination, and is redirected."""
    REGULAR = "regular"
    """It names its destination to a proxy: in an absolute URI, or for TLS and bytes by CONNECT."""
    SOCKS5 = "socks5"
    """It names its destination to a proxy, whatever it will say there."""

    @classmethod
    def of(cls, mode: str) -> Way:
        """That of a gate in a mode. What another gate forwards is judged as it was where it came from."""
        return cls(mode) if mode in set(cls) else cls.TRANSPARENT


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything a workload says, none of it looked at."""

    method: str
    url: Url
    caller: Identity
    address: str | None = None
    """The one that it dialled; None where that is not known, or a proxy was named instead."""
    fields: tuple[tuple[str, str], ...] = ()
    way: Way = Way.TRANSPARENT

    @property
    def tunnels(self) -> bool:
        """Whether a proxy is told the target before anything else is said."""
        return self.way is Way.SOCKS5 or (self.way is Way.REGULAR and self.url.scheme is not Scheme.HTTP)

    @property
    def absolute(self) -> bool:
        """Whether the request names its target to a proxy itself."""
        return self.way is Way.REGULAR and self.url.scheme is Scheme.HTTP


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the gate meets what it is asked: as what it is judged, and what became of TLS before."""

    attempt: Attempt
    treatment: Treatment | None = None
    """None without TLS."""
    unread: bool = False
    """Only bytes can go there, so nothing is read before they are relayed."""
    opaque: bool = False
    """Inside TLS that is decrypted there is no HTTP."""
    told: Way | None = None
    """Refused as the target that a proxy of this kind was told."""


def asked_of(
    method: str,
    url: str,
    caller: Identity,
    address: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    way: Way = Way.TRANSPARENT,
) -> Asked:
    """What a workload says that makes this request. `address` is the one that it dialled; without one, a URL that
    spells an address dials that, but for a proxy's. Raises `UrlError`."""
    parts = parse_url(url)
    if address is None and way is Way.TRANSPARENT and isinstance(host := _host(parts), str) and literal(host):
        address = host
    return Asked(method, parts, caller, address, tuple(headers), way)


def meet(policy: Policy, asked: Asked) -> Meeting | Refusal:
    """What the gate makes of it before it judges, or why it judges nothing: HTTP inside a tunnel is not seen, bytes
    have no name."""
    port, caller = asked.url.port, asked.caller
    if asked.tunnels:
        target = told(caller, asked.url.target)
        if isinstance(target, Refusal):
            return target
        if hopeless(policy, target) is not None:
            return Meeting(target, told=asked.way)
    elif not asked.absolute and tcp_only(policy, asked.address, port, caller):
        return Meeting(Attempt(AttemptKind.TCP, caller, port, address=asked.address), unread=True)
    if asked.url.scheme is Scheme.TCP:
        return _bytes(asked)
    return _http(asked, None) if asked.url.scheme is Scheme.HTTP else _tls(policy, asked)


def _bytes(asked: Asked) -> Meeting | Refusal:
    """Bytes name nobody: their name is what a proxy was told. Where no address is known, it stands for that."""
    host = None if asked.address is not None else _host(asked.url)
    if isinstance(host, Refusal):
        return host
    return Meeting(Attempt(AttemptKind.TCP, asked.caller, asked.url.port, host, asked.address))


def _tls(policy: Policy, asked: Asked) -> Meeting | Refusal:
    host = _host(asked.url)
    if isinstance(host, Refusal):
        return host
    sni = host if literal(host) is None else None
    named = host if asked.tunnels else sni
    hello = Attempt(AttemptKind.TLS, asked.caller, asked.url.port, named, asked.address, sni)
    treatment = treat(policy, hello)
    if treatment is not Treatment.DECRYPT:
        return Meeting(hello, treatment)
    if asked.url.scheme is Scheme.TLS:
        return Meeting(hello, treatment, opaque=True)
    return _http(asked, treatment)


def _http(asked: Asked, treatment: Treatment | None) -> Meeting | Refusal:
    made = request_of(asked)
    return made if isinstance(made, Refusal) else Meeting(made, treatment)


def request_of(asked: Asked) -> Attempt | Refusal:
    """The request itself, as it stands on a plain connection or inside decrypted TLS."""
    url, headers = asked.url, joined(asked.fields)
    if asked.method == CONNECT:
        return Refusal(Code.CONNECT_REFUSED, "CONNECT is for a proxy, at the beginning of a connection")
    if (refused := _refused(asked, headers.get("upgrade", ""))) is not None:
        return refused
    encrypted, host = url.scheme is Scheme.HTTPS, _host(url)
    canonical = url if isinstance(host, Refusal) else replace(url, host=host)
    sni = host if encrypted and isinstance(host, str) and literal(host) is None else None
    agreed = agree(_claims(asked, canonical, sni))
    if isinstance(agreed, Refusal):
        return agreed
    return Attempt(
        AttemptKind.HTTP,
        asked.caller,
        agreed.port,
        agreed.host,
        asked.address,
        sni,
        encrypted,
        asked.method,
        url.path,
        leaving(headers, agreed.authority or Url(url.scheme, agreed.host or "", agreed.port, "").authority),
        headers.get("content-type", "").startswith("application/grpc"),
    )


def _claims(asked: Asked, url: Url, sni: str | None) -> Claims:
    """What the request and its connection say about where it goes."""
    hosts = tuple(value for name, value in asked.fields if name.lower() == "host") or (url.authority,)
    if asked.absolute:
        return Claims(0, DEFAULT_PORTS[url.scheme], sni, hosts, absolute=url.authority)
    return Claims(url.port, DEFAULT_PORTS[url.scheme], sni, hosts, connect=url.target if asked.tunnels else None)


def _refused(asked: Asked, offer: str) -> Refusal | None:
    if asked.absolute and not asked.url.path.isascii():
        return Refusal(Code.REQUEST_MALFORMED, "an absolute URI is ASCII; write what is not as %XX")
    fields = [(_sent(name), _sent(value)) for name, value in asked.fields]
    return requests.refusal(_sent(asked.method), _sent(asked.url.path), fields, offer)


def _sent(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _host(url: Url) -> str | Refusal:
    """The canonical host of a URL, or why it has none."""
    try:
        return canonical_host(url.host)
    except HostError as error:
        return Refusal(Code.NAME_MALFORMED, str(error))
