"""An origin for bytes that are no HTTP: a tunnel or raw TCP, as the traffic policy has it.

Owns the order of the questions and the attempts. What then passes is `relay`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from outgate.policy.model import Attempt, Decision
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Resilience
from outgate.policy.snapshot import Policy
from outgate.proxy.departure import target_for
from outgate.proxy.exchange import Exchange, Facts
from outgate.proxy.passage import Refused, overflow
from outgate.proxy.plane import Plane
from outgate.proxy.tries import Try
from outgate.traffic.outcome import Broken, Outcome
from outgate.upstream import connect as upstream
from outgate.upstream.connection import Connection
from outgate.upstream.errors import UpstreamError


@dataclass(slots=True)
class Reaching:
    """One attempt's way to its origin. What it holds of limits is given back by `leave`."""

    plane: Plane
    exchange: Exchange
    tries: list[Try] = field(default_factory=list)

    @property
    def resilience(self) -> Resilience:
        """What holds for the origin."""
        passage, decision = self.exchange.passage, self.exchange.decision
        backend = passage.backend if passage is not None else None
        port = decision.port if decision is not None else None
        if backend is not None:
            return backend.upstream.resilience
        return port.upstream.resilience if port is not None else PLAIN_RESILIENCE

    async def connect(self) -> Connection:
        """Raises `UpstreamError` and `Refused`."""
        exchange, policy = self.exchange, self.exchange.policy
        assert policy is not None
        assert exchange.decision is not None
        assert exchange.attempt is not None
        exchange.passage = passage = self.plane.governor.enter(policy, exchange.decision, exchange.attempt)
        exchange.approved = exchange.target = target_for(exchange, exchange.decision, exchange.attempt, ())
        if passage is None:
            return await self._dial()
        if passage.plan.answers:
            raise Refused(404, "no_route", "the route is an answer, which bytes cannot be given")
        await self.plane.governor.admit(exchange)
        for _ in range(passage.route.connect_attempts - 1):
            try:
                return await self._dial()
            except UpstreamError:
                passage.next_place()
        return await self._dial()

    async def _dial(self) -> Connection:
        exchange, passage = self.exchange, self.exchange.passage
        if passage is not None:
            await self.plane.governor.place(exchange, self.plane.environment)
            if passage.origin is not None and not self.plane.slots.open_now(passage.origin):
                raise overflow("too many connections to this origin")
        assert exchange.target is not None
        tried = Try()
        self.tries.append(tried)
        try:
            tried.origin = opened = await upstream.connect(exchange.target, self.plane.environment)
        except UpstreamError as error:
            tried.fail(error.code, error)
            raise
        finally:
            self._told(tried)
        if passage is not None and passage.origin is not None:
            self.plane.slots.opened(passage.origin, opened)
        return opened

    def _told(self, tried: Try) -> None:
        """To the origin's state: whether it could be connected to is all that is known of such bytes."""
        passage = self.exchange.passage
        if passage is None:
            return
        passage.tell(Outcome(broken=Broken.CONNECT_FAILED) if tried.origin is None else Outcome(200))
        if passage.origin is not None and tried.origin is None:
            self.plane.slots.failed(passage.origin)

    def leave(self) -> None:
        if self.exchange.passage is not None:
            self.exchange.passage.leave()


def reaching(plane: Plane, facts: Facts, policy: Policy, attempt: Attempt, decision: Decision) -> Reaching:
    exchange = Exchange(facts, policy, attempt, decision)
    return Reaching(plane, exchange)
