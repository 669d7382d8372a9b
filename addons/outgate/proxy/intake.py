"""From an accepted socket to the one thing it may become: HTTP, a tunnel, a relay, or closed.

Owns the order of the questions before any byte is consumed. The answers are the policy's; how each thing is then
served is `handler`'s and `relay`'s.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import mode_specs

from outgate.policy.decide import Treatment, bytes_only, decide, denial, tcp_only, treat
from outgate.policy.hosts import HostError, canonical_authority, canonical_host, literal
from outgate.policy.model import Attempt, AttemptKind, Code, Decision, Identity
from outgate.policy.snapshot import Policy
from outgate.proxy import client_tls, proxying
from outgate.proxy.arriving import Inside, arrive
from outgate.proxy.caller import Caller
from outgate.proxy.classify import Opening, Speech
from outgate.proxy.connections import Reader, Transport, reset, streams
from outgate.proxy.exchange import Facts, GateClient
from outgate.proxy.handler import Handler
from outgate.proxy.hello import MalformedHello
from outgate.proxy.introduced import Unintroduced, read_source, trusts
from outgate.proxy.original import NotRedirected, original_destination
from outgate.proxy.passage import Refused
from outgate.proxy.peek import Gone, first_bytes, unread
from outgate.proxy.peer import caller_uid, peer_uid
from outgate.proxy.plane import Plane
from outgate.proxy.reaching import Reaching, reaching
from outgate.proxy.relay import IDLE, Relay
from outgate.proxy.tries import Try
from outgate.settings import ListenMode
from outgate.upstream.connection import Connection
from outgate.upstream.errors import UpstreamError

log = logging.getLogger(__name__)

PROXY_MODE = mode_specs.ProxyMode.parse("transparent")


class Intake:
    """One accepted socket. `serve` returns when it is closed; it never raises what a workload can cause."""

    def __init__(self, plane: Plane, sock: socket.socket, known: Callable[[], None] = lambda: None) -> None:
        self.plane = plane
        self.sock = sock
        self.known = known
        """To be called when it is known what the connection is, and what it owes us has come."""
        self.limits = plane.settings.limits
        self.peer, self.own = sock.getpeername()[:2], sock.getsockname()[:2]
        self.started = time.time()
        self.task = asyncio.current_task()
        self.silent = False
        """Whether it waits for the workload to begin."""
        self.inside: Inside | None = None
        """What is inside of it, where it is another gate's."""
        self.spoken_for = False
        """Whether `peer` is whom somebody connects for."""

    async def serve(self) -> None:
        self.plane.live.add(self)
        self.plane.metrics.connected()
        try:
            facts = await self._facts()
            if facts is not None:
                await self._judge(facts)
        except NotRedirected as error:
            self._close(self._bare_facts(), Code.LOOP, str(error))
        except (Gone, TimeoutError, ConnectionError):
            self.plane.counts["left_early"] += 1
        finally:
            self._handed_over()
            self.plane.metrics.disconnected(time.time() - self.started)
            if self.inside is not None:
                self.inside.abort()  # whoever took it over has ended it
            self.sock.close()

    def _handed_over(self) -> None:
        """Whoever serves the connection now is what is live."""
        self.plane.live.discard(self)

    def judge_again(self, policy: Policy) -> None:
        """It is judged by the policy that is in force when it is judged."""

    def drain(self) -> None:
        """The gate is stopping: who is silent still has a moment to begin, and who has begun is served."""
        if self.silent and not unread(self.sock):
            asyncio.get_running_loop().call_later(self.limits.linger_timeout, self._end_silent)

    def _end_silent(self) -> None:
        if self.silent and not unread(self.sock) and self.task is not None:
            self.task.cancel()

    def abort(self, reason: str) -> None:
        self._reset()

    def _reset(self) -> None:
        """It breaks off, and that can be seen."""
        reset(self.sock)
        if self.inside is not None:
            self.inside.abort()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        self.silent = True
        if self.plane.draining:
            self.drain()
        try:
            yield
        finally:
            self.silent = False

    def _bare_facts(self) -> Facts:
        settings = self.plane.settings
        # Who calls a gateway is not the gateway: until it is proven, it is nobody.
        own = Identity() if settings.mode is ListenMode.GATEWAY else settings.workload
        caller = replace(own, address=self.peer[0])
        number = next(self.plane.numbers)
        return Facts(settings.mode, caller, None, caller_port=self.peer[1], number=number, listener=self.own)

    async def _facts(self) -> Facts | None:
        """What is known before the first byte; a proxy client says more with its first ones."""
        if not await self._introduced():
            return None
        facts = self._bare_facts()
        if facts.mode is ListenMode.TRANSPARENT:
            address, port = original_destination(self.sock)
            facts = replace(self._called(facts, (address, port)), port=port)
            if (host := self.plane.host_at(address)) is not None:
                return replace(facts, connect=f"{host}:{port}", virtual=address)
            return replace(facts, address=address)
        if facts.mode is ListenMode.GATEWAY:
            return await self._of_another_gate(facts)
        facts = self._called(facts, self.own)
        with self._listening():
            return await proxying.read_target(self.plane, self.sock, facts)

    async def _introduced(self) -> bool:
        """Whether it is known for whom the connection is, where a load balancer stands before the gate."""
        networks = self.plane.settings.hops.proxy_protocol
        if not networks or not trusts(networks, self.peer[0]):
            return True
        try:
            with self._listening():
                source = await read_source(self.sock, self.limits.peek_timeout)
        except (Unintroduced, TimeoutError) as error:
            self._close(self._bare_facts(), Code.CALLER_UNPROVEN, str(error) or "no PROXY header came in time")
            return False
        if source is not None:
            self.peer, self.spoken_for = source, True
        return True

    async def _of_another_gate(self, facts: Facts) -> Facts | None:
        peers = self.plane.peers
        if peers is None:
            raise RuntimeError("a gateway without a certificate")
        with self._listening():
            arrived = await arrive(self.plane, peers, self.sock, facts)
        if arrived is None:
            return None
        facts, self.inside = arrived
        return self._now(facts)

    def _called(self, facts: Facts, dialled: tuple[str, int]) -> Facts:
        ask = (lambda: None) if self.spoken_for else lambda: caller_uid(self.sock, self.peer, dialled)
        who = Caller(facts.caller, ask)
        return self._now(replace(facts, who=who))

    def _now(self, facts: Facts) -> Facts:
        """With the caller by the policy that is in force by now."""
        return facts.under(self.plane.snapshot.policy.defaults)

    async def _judge(self, facts: Facts) -> None:
        policy, facts = self.plane.snapshot.policy, self._now(facts)
        if facts.encrypted:
            await self._opened(facts)
            return
        if facts.address is not None and tcp_only(policy, facts.address, facts.port or 0, facts.caller):
            await self._relay(facts, AttemptKind.TCP, None, None)
            return
        if facts.virtual is not None and bytes_only(policy, self._attempt(facts, AttemptKind.TCP, _named(facts))):
            await self._relay(facts, AttemptKind.TCP, _named(facts), None)
            return
        marked = self.plane.log.wanted().fingerprints
        try:
            with self._listening():
                opening = await first_bytes(self._outermost(), self.limits.peek_timeout, marked=marked)
        except MalformedHello as error:
            self._close(facts, Code.REQUEST_MALFORMED, str(error))
            return
        facts = self._now(facts)
        if opening.speech in (Speech.HTTP1, Speech.HTTP2):
            await self._http(facts, opening.speech)
        elif opening.hello is not None:
            await self._tls(facts, opening)
        elif facts.port is None:
            self._close(facts, Code.PROTOCOL_UNKNOWN, "a proxy request was expected")
        else:
            await self._relay(facts, AttemptKind.TCP, _named(facts), None)

    async def _opened(self, facts: Facts) -> None:
        """What another gate has opened has to be HTTP: nothing else is ever taken out of TLS."""
        with self._listening():
            opening = await first_bytes(self._outermost(), self.limits.peek_timeout)
        if opening.speech in (Speech.HTTP1, Speech.HTTP2):
            await self._http(self._now(facts), opening.speech)
        else:
            self._close(facts, Code.PROTOCOL_UNKNOWN, "what a gate took out of TLS is no HTTP")

    def _outermost(self) -> socket.socket | Reader:
        """Where the workload's own bytes are to be looked at."""
        return self.sock if self.inside is None else self.inside.reader

    async def _streams(self) -> tuple[Reader, asyncio.StreamWriter]:
        if self.inside is None:
            return await streams(self.sock)
        self.inside.reader.looked()
        return self.inside.reader, self.inside.writer

    # HTTP.

    async def _http(self, facts: Facts, speech: Speech) -> None:
        reader, writer = await self._streams()
        await self._handle(facts, reader, writer, "h2" if speech is Speech.HTTP2 else "")

    async def _handle(
        self,
        facts: Facts,
        reader: Reader,
        writer: asyncio.StreamWriter,
        alpn: str,
        hello: Attempt | None = None,
    ) -> None:
        client = GateClient(
            peername=self.peer,
            sockname=(facts.address or self.own[0], facts.port or 0),
            timestamp_start=self.started,
            proxy_mode=PROXY_MODE,
            state=ConnectionState.OPEN,
        )
        client.facts, client.hello = client_tls.noted(facts, writer), hello
        self.known()
        address = facts.address or facts.virtual
        dialled = (address, facts.port or 0) if address is not None else self.own
        client.held = lambda: peer_uid(self.peer, dialled) is not None
        client_tls.describe(client, writer, facts, alpn)
        self._handed_over()
        await Handler(self.plane, client, reader, writer).run()

    # TLS.

    async def _tls(self, facts: Facts, opening: Opening) -> None:
        hello = opening.hello
        assert hello is not None
        try:
            host = canonical_host(hello.sni) if hello.sni else _named(facts)
        except HostError as error:
            self._close(facts, Code.NAME_MALFORMED, str(error))
            return
        facts = replace(facts, sni=host if hello.sni else None, ja3=hello.ja3, ja4=hello.ja4)
        if facts.port is None:
            self._close(facts, Code.PROTOCOL_UNKNOWN, "a proxy request was expected")
            return
        if (named := _named(facts)) is not None and named != host and literal(named) is None:
            self._close(facts, Code.NAMES_DISAGREE, f"CONNECT says {named}, SNI says {host}")
            return
        treatment = treat(self.plane.snapshot.policy, self._attempt(facts, AttemptKind.TLS, host))
        if treatment is Treatment.DECRYPT:
            await self._decrypt(facts, host, hello.alpn)
        elif hello.ech and treatment is Treatment.TUNNEL:
            self._close(
                facts, Code.ECH_REFUSED, "the server name is encrypted (ECH), so a tunnel cannot be judged by it"
            )
        else:
            await self._relay(facts, AttemptKind.TLS, host, hello.sni)

    async def _decrypt(self, facts: Facts, host: str | None, alpn: tuple[str, ...]) -> None:
        if self.inside is not None:
            why = "the gate that forwards this has not opened its TLS, and this one would; give both the same policy"
            self._close(facts, Code.PROTOCOL_UNKNOWN, why)
            return
        name, attempt = host or facts.address or "", self._attempt(facts, AttemptKind.TLS, host)
        if not self.plane.authority.may_sign(name):
            decision = decide(self.plane.snapshot.policy, attempt)
            # A mismatch is that the port is registered for what is inside the TLS, which cannot be opened.
            if decision.allowed or decision.code is Code.PROTOCOL_MISMATCH:
                decision = denial(
                    self.plane.snapshot.policy.defaults, Code.POLICY_FAILURE, f"the CA may not sign for {name}"
                )
            self._report(facts, attempt, decision)
            self._reset()
            return
        began = time.monotonic()
        try:
            reader, writer = await client_tls.accept(self.sock, self.plane.leaves, name, alpn, self.limits)
        except (ssl.SSLError, OSError, TimeoutError) as error:
            self.plane.counts["client_tls_failed"] += 1
            self.plane.log.client_refused_leaf(facts, name, client_tls.explain(error, name))
            self.plane.metrics.shook_hands(time.monotonic() - began, "", client_tls.kind_of(error))
            return
        self.plane.metrics.shook_hands(time.monotonic() - began, client_tls.version_of(writer))
        await self._handle(replace(facts, encrypted=True), reader, writer, "", attempt)

    # Bytes.

    async def _relay(self, facts: Facts, kind: AttemptKind, host: str | None, sni: str | None) -> None:
        self.known()
        attempt = self._attempt(facts, kind, host)
        policy = self.plane.snapshot.policy
        decision = decide(policy, attempt)
        if not decision.allowed:
            self._report(facts, attempt, decision)
            self._reset()
            return
        way = reaching(self.plane, facts, policy, attempt, decision)
        try:
            origin = await way.connect()
            await self._relayed(way, facts, origin)
        except UpstreamError:
            self._report(facts, attempt, decision, way.tries)
            self._reset()
        except Refused as refused:
            self.plane.log.closed(facts, attempt, decision, self.started, way.tries, refused)
            self._reset()
        finally:
            way.leave()

    async def _relayed(self, way: Reaching, facts: Facts, origin: Connection) -> None:
        """What is open is judged again after a swap; this was not open yet, and took its time to dial."""
        attempt, decision, current = way.exchange.attempt, way.exchange.decision, self.plane.snapshot.policy
        assert attempt is not None
        assert decision is not None
        if current is not way.exchange.policy:
            facts = facts.under(current.defaults)
            attempt = replace(attempt, caller=facts.caller)
            decision = decide(current, attempt)
        if decision.allowed:
            await self._pump(facts, attempt, decision, origin, way)
        else:
            origin.abort()
            self._report(facts, attempt, decision)
            self._reset()

    async def _pump(
        self, facts: Facts, attempt: Attempt, decision: Decision, origin: Connection, way: Reaching
    ) -> None:
        try:
            reader, writer = await self._streams()
        except BaseException:
            origin.close()
            raise
        far, resilience = Transport(origin.reader, origin.writer, origin=origin), way.resilience
        idle = resilience.tcp_idle_timeout or self.limits.idle_timeout
        relay = Relay(Transport(reader, writer), far, attempt, decision, facts, idle)
        relay.most = resilience.maximum_duration
        self._handed_over()
        self.plane.live.add(relay)
        try:
            await relay.run()
        finally:
            self.plane.live.discard(relay)
            if relay.failure == IDLE:
                self.plane.counts["idle_timeout"] += 1
            self.plane.log.relayed(relay, way.tries, self.started)

    # Reports.

    def _attempt(self, facts: Facts, kind: AttemptKind, host: str | None) -> Attempt:
        return Attempt(kind, facts.caller, facts.port or 0, host, facts.address, facts.sni, encrypted=False)

    def _close(self, facts: Facts, code: Code, reason: str) -> None:
        self.plane.log.rejected(facts, code, reason)
        self._reset()

    def _report(self, facts: Facts, attempt: Attempt, decision: Decision, tries: Sequence[Try] = ()) -> None:
        self.plane.log.closed(facts, attempt, decision, self.started, tries)


def _named(facts: Facts) -> str | None:
    """The name in CONNECT or SOCKS, canonical; it was checked when it was read."""
    return canonical_authority(facts.connect, facts.port or 0)[0] if facts.connect is not None else None
