"""A kept exchange as what the workload had said, so that it can be judged again.

Owns that translation, and which of what a rule may look at has been redacted since. Judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from outgate.policy.attempts import Asked, Way
from outgate.policy.hosts import HostError, canonical_host, literal
from outgate.policy.model import Code, Identity
from outgate.policy.targets import NOWHERE
from outgate.policy.urls import Scheme, Url
from outgate.redact.exchange import Exchange, Request, Verdict
from outgate.redact.redacted import Mark, Redacted

NAMED = re.compile(r"request\.(header|cookie|query)\.(.+)", re.DOTALL)
SEGMENT = re.compile(r"request\.path\[(\d+)\]")
TARGET = "request.target"
LOST = "exchange"
"""What a manifest calls an exchange of which redaction has left a skeleton."""
HIGHEST = 65535


class Unasked(ValueError):
    """Nothing in a record can be asked again; says why."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What redaction has replaced of a request's head."""

    headers: frozenset[str] = frozenset()
    """Names, in lower case."""
    known: str | None = None
    """How the path begins, up to what was replaced; None: all of it is there."""
    query: bool = False

    @property
    def target(self) -> bool:
        return self.query or self.known is not None


@dataclass(frozen=True, slots=True)
class Again:
    """`passed`: where it was TLS, nothing but the name was seen, and it could hold HTTP; `bare`: bytes that named
    nobody, which could be such TLS."""

    asked: Asked
    hidden: Hidden = field(default_factory=Hidden)
    passed: bool = False
    bare: bool = False


class Watched(Mapping[str, str]):
    """Headers that note which of those that were redacted are looked at."""

    __slots__ = ("_headers", "_hidden", "seen")

    def __init__(self, headers: Mapping[str, str], hidden: frozenset[str]) -> None:
        self._headers, self._hidden = headers, hidden
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> str:
        if name in self._hidden:
            self.seen.add(name)
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


def again(kept: Redacted, way: Way) -> Again:
    """What was asked. Raises `Unasked`."""
    exchange = kept.exchange
    if (LOST, "failed") in kept.manifest.dropped:
        raise Unasked("redaction had failed, so that little of it is there")
    if (request := exchange.request) is not None:
        hidden = _hidden(request, kept.manifest.marks)
        fields = tuple((_text(name), _text(value)) for name, value in request.fields)
        return Again(_asked(exchange, request.method, _url(request), fields, way), hidden)
    if (relayed := exchange.relayed) is None:
        raise Unasked("nothing is in it that was asked")
    scheme = Scheme.TLS if relayed.sni else Scheme.TCP
    asked = _asked(exchange, "", _at(scheme, relayed.sni or relayed.host, relayed.port), (), way)
    return Again(asked, passed=not _looked_into(exchange.verdict, way), bare=not relayed.sni)


def inside(passed: Again) -> Again:
    """A request that TLS may have held, of which nothing is known but where it went."""
    return Again(replace(passed.asked, method="GET", url=replace(passed.asked.url, scheme=Scheme.HTTPS, path="/")))


def as_tls(bare: Again) -> Again:
    """Bytes as the TLS that they may have been."""
    return Again(replace(bare.asked, url=replace(bare.asked.url, scheme=Scheme.TLS)), passed=bare.passed)


def caller_of(text: str) -> Identity:
    """Who `NAMESPACE/ACCOUNT` is."""
    namespace, _, account = text.partition("/")
    return Identity(namespace, account, how="recorded") if text else Identity()


def title(exchange: Exchange) -> str:
    """What was asked, in a line, without its query."""
    if (request := exchange.request) is not None:
        url = Url(Scheme.HTTPS if request.scheme == "https" else Scheme.HTTP, request.host, request.port, "")
        return f"{request.method} {url.scheme}://{url.authority}{request.target.partition('?')[0]}"
    if (relayed := exchange.relayed) is not None:
        scheme = Scheme.TLS if relayed.sni else Scheme.TCP
        return f"{scheme}://{Url(scheme, relayed.sni or relayed.host, relayed.port, '').target}"
    return ""


def was_judged(verdict: Verdict) -> bool:
    """Whether a policy had said this: neither an addon, nor the gate, which denies some things whatever a policy says.
    What was imported says nothing."""
    return verdict.verdict != "deny" or verdict.code in JUDGED


JUDGED = frozenset(
    {
        Code.UNREGISTERED,
        Code.PORT_UNREGISTERED,
        Code.PROTOCOL_MISMATCH,
        Code.NOT_EXPORTED,
        Code.EXPIRED,
        Code.PATH_AMBIGUOUS,
        Code.REFUSED_BY_RULE,
        Code.ADDRESS_REFUSED,
        Code.PROTOCOL_UNKNOWN,
    }
)


def _looked_into(verdict: Verdict, way: Way) -> bool:
    """Whether TLS was decrypted and held no HTTP: what is denied is decrypted to be told so, but for what a proxy was
    told and knows of nothing."""
    return verdict.verdict == "deny" and (way is Way.TRANSPARENT or verdict.code not in NOWHERE)


def _asked(exchange: Exchange, method: str, url: Url, fields: tuple[tuple[str, str], ...], way: Way) -> Asked:
    address = url.host if way is Way.TRANSPARENT and _spells_address(url.host) else None
    return Asked(method, url, caller_of(exchange.caller), address, fields, way)


def _url(request: Request) -> Url:
    if request.scheme not in (Scheme.HTTP, Scheme.HTTPS):
        raise Unasked("its scheme is neither http nor https")
    return _at(Scheme(request.scheme), request.host, request.port, request.target)


def _at(scheme: Scheme, host: str, port: int, path: str = "") -> Url:
    if not host or not 0 < port <= HIGHEST:
        raise Unasked("it names no host, or no port")
    return Url(scheme, host, port, path)


def _spells_address(host: str) -> bool:
    try:
        return literal(canonical_host(host)) is not None
    except HostError:
        return False


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _hidden(request: Request, marks: Iterable[Mark]) -> Hidden:
    headers: set[str] = set()
    segments: list[int] = []
    query = False
    for mark in marks:
        if (named := NAMED.fullmatch(mark.where)) is not None:
            query = query or named[1] == "query"
            headers |= {"header": {named[2].lower()}, "cookie": {"cookie"}, "query": set()}[named[1]]
        elif (segment := SEGMENT.fullmatch(mark.where)) is not None:
            segments.append(int(segment[1]))
        elif mark.where == TARGET:
            segments.append(0)
    known = _before(request.target, min(segments)) if segments else None
    return Hidden(frozenset(headers), known, query or known is not None)


def _before(target: str, segment: int) -> str:
    """A path up to a segment of it."""
    return "/".join(target.partition("?")[0].split("/")[: segment + 1]) + "/"
