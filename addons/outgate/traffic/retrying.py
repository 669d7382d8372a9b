"""Whether an attempt is worth another one.

Owns Envoy's conditions by name. How long is waited is `backoff.py`'s, how many may be under way `limits.py`'s, and
whether the request can still be sent again the data plane's.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.policy.route_model import NamedMatch, RetryPolicy
from outgate.traffic.outcome import GATEWAY_ERRORS, NOTHING_DONE, Broken, Outcome

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110, section 9.2.2."""
GRPC_CONDITIONS = {"cancelled": 1, "deadline-exceeded": 4, "internal": 13, "resource-exhausted": 8, "unavailable": 14}
BROKEN: dict[str, frozenset[Broken]] = {
    "5xx": frozenset(Broken),
    "gateway-error": frozenset(Broken),
    "reset": frozenset({Broken.RESET, Broken.RESET_UNSENT, Broken.REFUSED, Broken.TIMEOUT}),
    "reset-before-request": frozenset({Broken.RESET_UNSENT}),
    "connect-failure": frozenset({Broken.CONNECT_FAILED}),
    "refused-stream": frozenset({Broken.REFUSED}),
}

type HeaderTest = Callable[[NamedMatch, str | None], bool]
"""Whether a test of one header holds for its value."""


def worth_it(policy: RetryPolicy, method: str, outcome: Outcome, holds: HeaderTest) -> bool:
    """Whether `policy` would have a request of this method tried again after this outcome."""
    return _permits(policy, method, outcome) and (_by_condition(policy, outcome) or _by_header(policy, outcome, holds))


def _permits(policy: RetryPolicy, method: str, outcome: Outcome) -> bool:
    if policy.methods:
        return method in policy.methods
    return policy.any_method or outcome.broken in NOTHING_DONE or method in IDEMPOTENT


def _by_condition(policy: RetryPolicy, outcome: Outcome) -> bool:
    if outcome.broken is not None:
        return any(outcome.broken in BROKEN[name] for name in policy.on & BROKEN.keys())
    if any(outcome.grpc_status == GRPC_CONDITIONS[name] for name in policy.on & GRPC_CONDITIONS.keys()):
        return True
    return any(_by_status(name, policy, outcome) for name in policy.on)


def _by_status(name: str, policy: RetryPolicy, outcome: Outcome) -> bool:
    status = outcome.status or 0
    match name:
        case "5xx":
            return 500 <= status <= 599
        case "gateway-error":
            return status in GATEWAY_ERRORS
        case "retriable-4xx":
            return status == 409
        case "retriable-status-codes":
            return status in policy.statuses
        case "envoy-ratelimited":
            return "x-envoy-ratelimited" in outcome.headers
    return False


def _by_header(policy: RetryPolicy, outcome: Outcome, holds: HeaderTest) -> bool:
    if "retriable-headers" not in policy.on or outcome.broken is not None:
        return False
    return any(holds(test, outcome.headers.get(test.name)) for test in policy.headers)
