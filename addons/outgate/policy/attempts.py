"""A method and a URL as the attempt that a gate would make of them, without a connection.

Owns the step from what a person writes to what the data plane would have read off the wire: SNI, `Host`, ports, and
whether a connection is judged as HTTP, as a tunnel or as bytes. Decides nothing and resolves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from outgate.policy.decide import Treatment, tcp_only, treat
from outgate.policy.headers import joined, leaving, listed
from outgate.policy.hosts import HostError, bracketed, canonical_host, literal
from outgate.policy.model import NO_HEADERS, Attempt, AttemptKind, Code, Identity
from outgate.policy.names import Claims, Refusal, agree
from outgate.policy.snapshot import Policy

METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
PATH = re.compile(rb"/[\x21-\x7e\x80-\xff]*")
BAD_VALUE = re.compile(r"[\x00\r\n]")
URL = re.compile(r"([A-Za-z]+)://([^/?#]*)([^#]*)(?:#.*)?", re.DOTALL)
AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?")


class Scheme(StrEnum):
    """What a workload may start."""

    HTTP = "http"
    HTTPS = "https"
    TLS = "tls"
    TCP = "tcp"


DEFAULT_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}


class UrlError(ValueError):
    """The text is no URL that a workload could use; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL. `host` is as written, without brackets."""

    scheme: Scheme
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What a client puts into `Host`: the port only where it is not the scheme's own."""
        host = bracketed(self.host)
        return host if self.port == DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"


def parse_url(text: str) -> Url:
    """`http` and `https` URLs, and `tls://host:port` and `tcp://host:port`. Raises `UrlError`."""
    parts = URL.fullmatch(text)
    if parts is None or parts[1].lower() not in [*Scheme]:
        raise UrlError(f'"{text}" is not a URL; write {", ".join(f"{scheme}://" for scheme in Scheme)} and a host')
    scheme, authority = Scheme(parts[1].lower()), parts[2]
    if "@" in authority:
        raise UrlError(f'"{text}" carries user info; leave it out')
    found = AUTHORITY.fullmatch(authority)
    if found is None or not found[1].strip("[]"):
        raise UrlError(f'"{authority}" is neither HOST nor HOST:PORT')
    port = int(found[2]) if found[2] else DEFAULT_PORTS.get(scheme, 0)
    if not 0 < port < 65536:
        raise UrlError(f'"{text}" needs a port from 1 to 65535; write {scheme}://HOST:PORT')
    path = parts[3] if parts[3].startswith("/") else f"/{parts[3]}"
    return Url(scheme, found[1].strip("[]"), port, path)


def attempt_from_url(
    method: str, url: str, caller: Identity, address: str | None = None, headers: Iterable[tuple[str, str]] = ()
) -> Attempt | Refusal:
    """The attempt that a workload makes with this URL, or why no gate would judge it.

    `address` is the one that the workload dialled; a URL that spells an address dials that. Raises `UrlError`.
    """
    parts = parse_url(url)
    try:
        host = canonical_host(parts.host)
    except HostError as error:
        return Refusal(Code.NAME_MALFORMED, str(error))
    spelt = literal(host) is not None
    address = address or (host if spelt else None)
    if parts.scheme in DEFAULT_PORTS:
        return _http(method, parts, caller, host, address, tuple(headers))
    named = None if spelt else host
    if parts.scheme is Scheme.TLS:
        return Attempt(AttemptKind.TLS, caller, parts.port, named, address, named)
    # Bytes name nobody; only where no address is known is the name taken, as a proxy client would give it.
    return Attempt(AttemptKind.TCP, caller, parts.port, named if address is None else None, address)


def _http(
    method: str, url: Url, caller: Identity, host: str, address: str | None, fields: tuple[tuple[str, str], ...]
) -> Attempt | Refusal:
    hosts = tuple(value for name, value in fields if name.lower() == "host") or (replace(url, host=host).authority,)
    headers = joined(fields)
    refused = malformed(method, url.path, headers) or refused_upgrade(method, headers.get("upgrade", ""))
    if refused is not None:
        return refused
    encrypted = url.scheme is Scheme.HTTPS
    sni = host if encrypted and literal(host) is None else None
    claims = Claims(url.port, DEFAULT_PORTS[url.scheme], sni, hosts)
    agreed = agree(claims)
    if isinstance(agreed, Refusal):
        return agreed
    name = agreed.host or host
    return Attempt(
        AttemptKind.HTTP,
        caller,
        agreed.port,
        name,
        address,
        sni,
        encrypted,
        method,
        url.path,
        leaving(headers, replace(url, host=name).authority),
        headers.get("content-type", "").startswith("application/grpc"),
    )


def malformed(method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
    """What no strict parser would pass on."""
    if not METHOD.fullmatch(method):
        return Refusal(Code.REQUEST_MALFORMED, "the method is no token")
    if not PATH.fullmatch(path.encode("utf-8", "surrogateescape")):
        return Refusal(Code.REQUEST_MALFORMED, "the request target is neither a path nor an absolute URI")
    if any(BAD_VALUE.search(name) or BAD_VALUE.search(value) for name, value in headers.items()):
        return Refusal(Code.REQUEST_MALFORMED, "a header holds a control character")
    return None


def refused_upgrade(method: str, offer: str) -> Refusal | None:
    """WebSocket upgrades are judged like requests, offers of h2c come to nothing, everything else is refused."""
    offered = listed(offer)
    if offered <= {"h2c"} or (offered == {"websocket"} and method == "GET"):
        return None
    return Refusal(Code.UPGRADE_REFUSED, f"upgrade to {', '.join(sorted(offered))[:80]} is not allowed")


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the gate meets an attempt: as what it is judged, and what became of TLS before."""

    attempt: Attempt
    treatment: Treatment | None = None
    """None without TLS."""
    unread: bool = False
    """Only bytes can go there, so nothing is read before they are relayed."""


def meet(policy: Policy, attempt: Attempt) -> Meeting:
    """What the gate makes of a connection before it judges: HTTP inside a tunnel is not seen, bytes have no name."""
    if tcp_only(policy, attempt.address, attempt.port, attempt.caller):
        return Meeting(_bare(attempt, AttemptKind.TCP, None), unread=True)
    if attempt.kind is AttemptKind.TCP or (attempt.kind is AttemptKind.HTTP and not attempt.encrypted):
        return Meeting(attempt)
    hello = _bare(attempt, AttemptKind.TLS, attempt.sni)
    treatment = treat(policy, hello)
    return Meeting(attempt if treatment is Treatment.DECRYPT else hello, treatment)


def _bare(attempt: Attempt, kind: AttemptKind, name: str | None) -> Attempt:
    """The attempt without what is inside the connection."""
    return replace(
        attempt,
        kind=kind,
        host=name,
        sni=name,
        encrypted=False,
        method="",
        path="",
        headers=NO_HEADERS,
        grpc=False,
    )
