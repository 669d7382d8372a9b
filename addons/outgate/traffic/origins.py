"""The origins that are in use, by key.

Owns how long their state lives: as long as the policy says the same of them, and no longer than they are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from outgate.policy.resilience_model import Resilience
from outgate.traffic.balancing.layout import Home
from outgate.traffic.origin import NOWHERE, OriginState

MOST = 16_384
"""Origins whose state is kept."""


@dataclass(slots=True)
class Origins:
    """State is kept across policies, so that a reload closes no breaker. What is counted under another resilience than
    the present one ends with what is under way."""

    random: Callable[[], float]
    home: Home = NOWHERE
    workers: int = 1
    most: int = MOST
    _states: dict[str, OriginState] = field(default_factory=dict)

    def of(self, key: str, resilience: Resilience) -> OriginState:
        """The state of an origin; a new one where the policy says something else of it than before."""
        state = self._states.get(key)
        if state is not None and (state.resilience is resilience or state.resilience == resilience):
            return state
        if state is None and len(self._states) >= self.most:
            self._let_go()
        state = OriginState(key, resilience, self.random, self.home, self.workers)
        self._states[key] = state
        return state

    def keep(self, keys: frozenset[str], whole: frozenset[str] = frozenset()) -> None:
        """Forgets origins that are in no policy any more. Of those of a key in `whole`, any port may be."""
        known = self._states.items()
        self._states = {key: state for key, state in known if key in keys or key.rpartition(":")[0] in whole}

    def __iter__(self) -> Iterator[OriginState]:
        return iter(self._states.values())

    def _let_go(self) -> None:
        """Of the one that was made first among those with nothing under way."""
        idle = (key for key, state in self._states.items() if not any(state.under_way.counts.values()))
        del self._states[next(idle, next(iter(self._states)))]
