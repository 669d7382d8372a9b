"""How long is waited before the next try.

Owns the arithmetic, and the reading of headers in which origins say when to come again. Whether there is a next try is
`retrying.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite

from outgate.policy.route_model import Backoff, RateLimitedBackoff, ResetFormat, RetryPolicy

LARGEST_POWER = 30
MOST_DIGITS = 20


def pause(
    policy: RetryPolicy, number: int, headers: Mapping[str, str], wall_now: float, random: Callable[[], float]
) -> float:
    """Seconds before retry `number`, which is 1 for the first. `wall_now` is Unix time; `headers` are the last
    answer's, by lower-case name, and empty where there was none."""
    if policy.rate_limited is not None:
        asked = _asked(policy.rate_limited, headers, wall_now)
        if asked is not None:
            # Some jitter, as Envoy has it: never before the time that was asked for.
            return asked * (1 + random() / 2)
    return _drawn(policy.backoff, number, random)


def _drawn(backoff: Backoff, number: int, random: Callable[[], float]) -> float:
    longest: float = (2 ** min(number, LARGEST_POWER) - 1) * backoff.base
    return random() * min(longest, backoff.maximum)


def _asked(policy: RateLimitedBackoff, headers: Mapping[str, str], wall_now: float) -> float | None:
    """By the first header that is there and says something that can be waited for."""
    for name, form in policy.headers:
        value = headers.get(name, "").strip()
        if not value.isascii() or not value.isdigit() or len(value) > MOST_DIGITS:
            continue
        seconds = float(value) - (wall_now if form is ResetFormat.UNIX else 0.0)
        if isfinite(seconds) and 0 <= seconds <= policy.maximum:
            return seconds
    return None
