"""What a policy makes of an attempt, so that two policies can be compared: all but names and places of documents."""

from __future__ import annotations

from dataclasses import replace

from outgate.policy.compile import Policy
from outgate.policy.decide import decide, treat
from outgate.policy.model import Attempt, AttemptKind, Upstream


def facts(policy: Policy, attempt: Attempt) -> dict[str, object]:
    """What is decided, and what happens upstream."""
    decision = decide(policy, attempt)
    port = decision.port
    chosen = policy.route(port, attempt, decision.destination) if port is not None and decision.allowed else None
    return {
        "verdict": decision.verdict,
        "code": decision.code,
        "status": decision.status,
        "traffic": decision.traffic,
        "would": (decision.would.verdict, decision.would.code) if decision.would else None,
        "shadows": [each.verdict for each in decision.shadows],
        "audited": len(decision.audited),
        "treatment": treat(policy, replace(attempt, kind=AttemptKind.TLS)),
        "place": policy.destinations.index(decision.destination)
        if decision.destination in policy.destinations
        else None,
        "upstream": _upstream(port.upstream) if port is not None else None,
        "taken": chosen is not None,
        "ways": [(each.host, each.weight, _upstream(each.upstream)) for each in chosen.route.backends]
        if chosen
        else [],
        "acts": (chosen.route.timeout, chosen.route.rewrite, chosen.route.redirect, chosen.route.direct, chosen.matched)
        if chosen
        else None,
    }


def _upstream(upstream: Upstream) -> tuple[object, ...]:
    tls = upstream.tls
    told = replace(tls, source=None) if tls is not None else None
    return upstream.port, upstream.endpoints, told, upstream.resilience, upstream.connect_timeout
