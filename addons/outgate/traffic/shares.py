"""One of several, by chance and in proportion to weight.

Owns the draw. Knows nothing of what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


def drawn[T](items: Sequence[T], weights: Sequence[float], random: Callable[[], float]) -> T | None:
    """One of `items`, or None where no weight is above 0. `random` gives numbers from 0 up to, not including, 1."""
    total = sum(weights)
    if total <= 0:
        return None
    rest = random() * total
    for item, weight in zip(items, weights, strict=True):
        rest -= weight
        if rest < 0:
            return item
    # What is left is the error of adding up.
    return next(item for item, weight in zip(reversed(items), reversed(weights), strict=True) if weight > 0)


def falls(percent: float, random: Callable[[], float]) -> bool:
    """Whether something that happens in `percent` of cases happens now."""
    return percent >= 100 or (percent > 0 and random() * 100 < percent)
