"""A connection to where a request would go, made as the gate makes it, and told step by step.

Owns the collaborators that notice what happens, and the words. How a connection is made is `upstream`'s: the same code,
the same checks, the same certificates. Nothing is sent over it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from outgate.hop_ways import gateway_of, proxy_of
from outgate.policy.addresses import Permit
from outgate.policy.hosts import literal
from outgate.settings import Settings
from outgate.upstream.connect import connect
from outgate.upstream.connection import Connection, Timings, TLSFacts
from outgate.upstream.dial import shown
from outgate.upstream.environment import Environment, Timeouts
from outgate.upstream.errors import UpstreamError
from outgate.upstream.identity import Identities
from outgate.upstream.judge import read
from outgate.upstream.resolve import Lookup, Resolver, SystemLookup
from outgate.upstream.secure import explained
from outgate.upstream.target import Target
from outgate.upstream.trust import Trust
from outgate.upstream.witness import Witness, witness

AFTERWARDS = 1.0
"""Seconds that a server has to refuse the client certificate: under TLS 1.3 it does so after the handshake."""


@dataclass(slots=True)
class Looked:
    """One name, and what became of each address that it has: why it may not be dialled, or nothing."""

    host: str
    addresses: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class Noting(Resolver):
    """Resolves as the gate does, and keeps what it was told."""

    def __init__(self, lookup: Lookup | None = None) -> None:
        self._system = lookup or SystemLookup(1)
        self._found: dict[str, list[str]] = {}
        self.looked: list[Looked] = []
        super().__init__(self._note)

    async def addresses(self, host: str, permit: Permit) -> tuple[str, ...]:
        looked, clock = Looked(host), asyncio.get_running_loop().time
        self.looked.append(looked)
        began = clock()
        try:
            return await super().addresses(host, permit)
        finally:
            looked.seconds = clock() - began
            found = [host] if literal(host) is not None else self._found.get(host, [])
            looked.addresses = {each: permit.refusal(each) for each in found}

    async def _note(self, host: str) -> list[str]:
        self._found[host] = list(dict.fromkeys(await self._system(host)))
        return self._found[host]


@dataclass(slots=True)
class Report:
    """How it went. `error` is None where everything succeeded; what was not come to is None, too."""

    target: Target
    looked: list[Looked]
    peername: tuple[Any, ...] = ()
    timings: Timings | None = None
    tls: TLSFacts | None = None
    witness: Witness = field(default_factory=Witness)
    error: UpstreamError | None = None

    @property
    def given(self) -> bool:
        """Whether the client certificate left. It does not where the server's was refused."""
        return self.witness.ready and not (self.error is not None and self.error.unproven)

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people."""
        for looked in self.looked:
            yield from _resolved(looked, self.target)
        if self.peername:
            took = f" in {_ms(self.timings.connect)}" if self.timings else ""
            yield "dial", f"{shown((self.peername[0], self.peername[1]))} accepted{took}"
        if self.tls is not None and self.timings is not None:
            offered = self.tls.alpn or ("none agreed on" if self.target.alpn else "none offered")
            yield "TLS", f"{self.tls.version}, {self.tls.cipher}, ALPN {offered}, in {_ms(self.timings.tls)}"
        if self.witness.leaf:
            yield from _presented(self.witness.leaf)
        if self.target.tls is not None and self.witness.leaf:
            yield "ours", self._client_certificate()
        if self.error is not None:
            yield "failed", str(self.error)
        else:
            yield "reached", f"{self.target.host} port {self.target.port}; nothing was sent"

    def content(self) -> dict[str, Any]:
        """For programs."""
        return {
            "reached": self.error is None,
            "error": self.error and {"code": str(self.error.code), "message": self.error.message},
            "resolved": [
                {
                    "host": each.host,
                    "seconds": round(each.seconds, 6),
                    "addresses": [{"address": one, "refused": why} for one, why in each.addresses.items()],
                }
                for each in self.looked
            ],
            "dialled": {"address": self.peername[0], "port": self.peername[1]} if self.peername else None,
            "seconds": self.timings and {part: round(getattr(self.timings, part), 6) for part in PARTS},
            "tls": self.tls and {part: getattr(self.tls, part) for part in ("version", "cipher", "alpn", "sni")},
            "certificate": _certificate(self.witness.leaf) if self.witness.leaf else None,
            "client_certificate": {
                "asked": self.witness.asked,
                "given": self.given,
                "file": self.target.tls.client_certificate if self.target.tls else None,
            },
        }

    def _client_certificate(self) -> str:
        file = self.target.tls.client_certificate if self.target.tls else None
        if not self.witness.asked:
            return f"no client certificate was asked for, so {file} stayed here" if file else "none was asked for"
        if self.given:
            return f"a client certificate was asked for, and {file} given"
        return f"a client certificate was asked for, and {f'{file} not given' if file else 'there is none to give'}"


PARTS = ("resolve", "connect", "tls")


def environment_of(settings: Settings, lookup: Lookup | None = None) -> tuple[Environment, Noting]:
    """What a gate with these settings would connect with, and its resolver."""
    identities = Identities(Trust(roots=tuple(map(str, settings.upstream_ca))))
    resolver, timeouts = Noting(lookup), Timeouts(total=settings.limits.connect_timeout)
    made = Environment(resolver, identities, timeouts=timeouts, own_ports=frozenset({settings.listen[1]}))
    made.gateway, made.proxy = gateway_of(settings.hops), proxy_of(settings.hops)
    return made, resolver


def reach(target: Target, settings: Settings) -> Report:
    """How it goes for a gate with these settings. Raises `ValueError` where session keys would be logged."""

    async def run() -> Report:
        environment, resolver = environment_of(settings)
        return await attempt(target, environment, resolver)

    return asyncio.run(run())


async def attempt(target: Target, environment: Environment, resolver: Noting) -> Report:
    """Resolve, dial, shake hands, and close. Bounded by the environment's time limit."""
    report = Report(target, resolver.looked)
    try:
        if target.tls is not None:
            report.witness = witness((await environment.identities.get(target.tls, target.alpn)).context)
        connection = await connect(target, environment)
    except UpstreamError as error:
        report.error, report.peername = error, error.peername
        return report
    report.peername, report.timings, report.tls = connection.peername, connection.timings, connection.tls
    if report.witness.asked and report.tls is not None and report.tls.version == "TLSv1.3":
        report.error = await _refused(connection, target)
    connection.abort()
    return report


async def _refused(connection: Connection, target: Target) -> UpstreamError | None:
    """Why the server broke off once it had seen the client's side of the handshake; None where it did not."""
    with suppress(TimeoutError):
        async with asyncio.timeout(AFTERWARDS):
            try:
                await connection.reader.read(1)
            except (ssl.SSLError, OSError) as error:
                return explained(error, f"{target.host}:{target.port}")
    return None


def _resolved(looked: Looked, target: Target) -> Iterator[tuple[str, str]]:
    if list(looked.addresses) == [looked.host]:
        yield "address", _checked(looked.host, looked.addresses[looked.host])
        return
    number = len(looked.addresses)
    said = "1 address" if number == 1 else f"{number or 'no'} addresses"
    yield "resolve", f"{looked.host} has {said}, in {_ms(looked.seconds)}"
    yield from ((" ", _checked(address, why)) for address, why in looked.addresses.items())


def _checked(address: str, why: str) -> str:
    return f"{address} is refused: {why}" if why else f"{address} may be dialled"


def _presented(leaf: bytes) -> Iterator[tuple[str, str]]:
    told = _certificate(leaf)
    yield "server", f"{told['subject'] or 'no subject'}; {told['names']}"
    if "issuer" in told:
        yield "issuer", told["issuer"]
        yield "valid", f"{told['not_before'][:10]} to {told['not_after'][:10]} ({told['days_left']} days left)"


def _certificate(leaf: bytes) -> dict[str, Any]:
    """What a server's certificate says. It chose every word, so it is shown escaped by whoever prints it."""
    try:
        found, names = x509.load_der_x509_certificate(leaf), str(read(leaf))
        subject, issuer = found.subject.rfc4514_string(), found.issuer.rfc4514_string()
    except ValueError as error:
        return {"subject": "", "names": f"the certificate cannot be read: {error}"}
    start, end = found.not_valid_before_utc, found.not_valid_after_utc
    return {
        "subject": subject,
        "names": names,
        "issuer": issuer,
        "not_before": start.isoformat(),
        "not_after": end.isoformat(),
        "days_left": (end - datetime.now(UTC)).days,
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
