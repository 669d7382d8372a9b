"""Which priority, by how many of its endpoints are healthy.

Owns Envoy's arithmetic: a priority takes all of the traffic as long as enough of it is healthy, and what it cannot take
spills over to the next. Knows counts only.
"""

from __future__ import annotations

from collections.abc import Sequence

OVERPROVISIONED = 140
"""Percent: up to two sevenths of a priority may be out before the next one gets any of its traffic."""


def loads(healthy: Sequence[int], total: Sequence[int]) -> list[float]:
    """The percentage of traffic for each priority; all 0 where nothing is healthy."""
    able = [min(100.0, OVERPROVISIONED * up / of) if of else 0.0 for up, of in zip(healthy, total, strict=True)]
    sum_able = sum(able)
    if sum_able == 0:
        return [0.0] * len(able)
    rest, found = 100.0, []
    scale = max(1.0, 100.0 / sum_able)
    for part in able:
        taken = min(rest, part * scale)
        found.append(taken)
        rest -= taken
    return found


def panics(healthy: Sequence[int], total: Sequence[int], percent: float) -> list[bool]:
    """Which priorities are so ill that health is not looked at, `percent` being the least that must be healthy.
    None is, as long as the others can take all of the traffic."""
    able = sum(min(100.0, OVERPROVISIONED * up / of) if of else 0.0 for up, of in zip(healthy, total, strict=True))
    if able >= 100 or percent <= 0:
        return [False] * len(total)
    return [of > 0 and 100 * up < percent * of for up, of in zip(healthy, total, strict=True)]
