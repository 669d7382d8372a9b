"""Who is at the other end of a connection, as each policy says it.

Owns what is known of a caller without a policy, and asks for the uid only once a policy goes by uids. A connection
outlives the policy that it began under, so what that one made of its caller is kept no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from outgate.policy import callers
from outgate.policy.model import Defaults, Identity


class Caller:
    """`known` is what the pod declares and where the connection comes from; `ask` tells the uid, or None."""

    def __init__(self, known: Identity, ask: Callable[[], int | None]) -> None:
        self._known, self._ask = known, ask
        self._asked = False
        self._defaults: Defaults | None = None
        self._found = known
        """By these defaults."""

    def under(self, defaults: Defaults) -> Identity:
        """The identity that a policy gives it: what the pod declares of itself, else what uid and address map to."""
        if defaults is self._defaults:
            return self._found
        if callers.asks_uid(defaults) and not self._asked:
            self._asked = True
            self._known = replace(self._known, uid=self._ask())
        self._defaults, self._found = defaults, callers.identify(defaults, self._known)
        return self._found
