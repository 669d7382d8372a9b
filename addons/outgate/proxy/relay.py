"""Bytes both ways between a workload and an origin that were judged, with half-close, counted, and nothing read.

Owns the life of one relay: raw TCP, and TLS that stays the workload's own. The connection that it relays to was
dialled by `upstream` for an approved target.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from outgate.policy.decide import decide
from outgate.policy.model import Attempt, Decision
from outgate.policy.snapshot import Policy
from outgate.proxy.connections import READ_SIZE, Transport
from outgate.proxy.exchange import Facts

IDLE = "idle"
LONG = "it has lasted as long as it may"
LEFT, RESET, BROKEN = "client_disconnected", "upstream_reset", "failed"
"""Codes: who was first to go, or that it was the gate."""


class Relay:
    """One open tunnel. `run` returns when both directions have ended, or it was broken off."""

    def __init__(
        self, client: Transport, origin: Transport, attempt: Attempt, decision: Decision, facts: Facts, idle: float
    ) -> None:
        self.client = client
        self.origin = origin
        self.attempt = attempt
        self.decision = decision
        self.facts = facts
        self.idle = idle
        self.sent_bytes = 0
        self.received_bytes = 0
        self.failure = self.code = ""
        """Why it was broken off, in words and as `tries` has them; empty where it ended."""
        self.active = time.monotonic()
        self.most: float | None = None
        """Seconds that it may last."""

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        watch = loop.call_later(self.idle, self._check_idle)
        self.watch = watch
        end = loop.call_later(self.most, self.abort, LONG, "relay_too_long") if self.most else None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(self.client, self.origin, sending=True))
                group.create_task(self._pump(self.origin, self.client, sending=False))
        finally:
            self.watch.cancel()
            if end is not None:
                end.cancel()
            self.client.close()
            self.origin.close()

    async def _pump(self, source: Transport, sink: Transport, *, sending: bool) -> None:
        while data := await self._read(source, sink):
            self.active = time.monotonic()
            if sending:
                self.sent_bytes += len(data)
            else:
                self.received_bytes += len(data)
            sink.write(data)
            if sink.congested:
                await sink.drain()
            if sink.gone:
                # Nobody takes this any more, and whoever sends it has to learn of it.
                self._fail("nobody took what was sent", sink)
                source.abort()
                return
        sink.half_close()

    async def _read(self, source: Transport, sink: Transport) -> bytes:
        try:
            return await source.reader.read(READ_SIZE)
        except OSError as error:
            # A reset on one side is passed on as one, so that a broken stream does not look finished.
            self._fail(type(error).__name__, source)
            sink.abort()
            return b""

    def _check_idle(self) -> None:
        remaining = self.active + self.idle - time.monotonic()
        if remaining > 0:
            self.watch = asyncio.get_running_loop().call_later(remaining, self._check_idle)
        else:
            self.abort(IDLE, "relay_idle")

    def _fail(self, reason: str, side: Transport) -> None:
        if not self.failure:
            self.failure, self.code = reason, LEFT if side is self.client else RESET

    def abort(self, reason: str, code: str = BROKEN) -> None:
        if not self.failure:
            self.failure, self.code = reason, code
        self.client.abort()
        self.origin.abort()

    def drain(self) -> None:
        """Bytes do not say when a conversation is over, so a relay has the whole grace period."""

    def judge_again(self, policy: Policy) -> None:
        verdict = decide(policy, replace(self.attempt, caller=self.facts.under(policy.defaults).caller))
        if not verdict.allowed:
            self.abort(f"revoked: {verdict.reason}", str(verdict.code))
