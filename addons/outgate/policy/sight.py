"""Which destinations a caller knows: what is exported to its namespace, and what its scope imports.

Owns visibility and the choice of a scope. Knows nothing of verdicts: what a caller does not see is unknown to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outgate.policy.hosts import within
from outgate.policy.model import Defaults, Destination, Gate, Identity, Import, Mode, Scope, Source
from outgate.policy.registry import By, Match


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What one kind of caller sees. One is made per namespace and labels, so identity serves as equality."""

    namespace: str
    mode: Mode
    mode_source: Source | None
    scope: Scope | None

    def sees(self, match: Match) -> bool:
        """Whether a match is exported here and imported by the scope."""
        if not exported(match.destination, self.namespace):
            return False
        imports = self.scope.imports if self.scope is not None else None
        return imports is None or self._imported(match, imports)

    def _imported(self, match: Match, imports: Iterable[Import]) -> bool:
        taken = False
        for wanted in imports:
            if self._covers(wanted, match):
                if wanted.excluded:
                    return False
                taken = True
        return taken

    def _covers(self, wanted: Import, match: Match) -> bool:
        namespace = self.namespace if wanted.namespace == "." else wanted.namespace
        if namespace not in ("*", match.destination.namespace):
            return False
        if match.by is By.NAME:
            return within(match.pattern, wanted.host)
        # Found by address or port: the destination is known if any of its names is.
        return wanted.host == "*" or any(within(host, wanted.host) for host in match.destination.hosts)


def exported(destination: Destination, namespace: str) -> bool:
    """Whether a destination is exported to a namespace, and not kept from it."""
    return f"~{namespace}" not in destination.export_to and any(
        target in ("*", namespace) or (target == "." and destination.namespace == namespace)
        for target in destination.export_to
    )


def sight(scopes: Iterable[Scope], defaults: Defaults, gate: Gate, caller: Identity) -> Sight:
    """What a caller sees. One whose namespace is not known sees what the gate's own namespace does. To observe is to
    deny nobody: no scope takes that back."""
    namespace = caller.namespace or gate.namespace
    scope = _scope(scopes, namespace, dict(caller.labels))
    if scope is not None and scope.mode is not None and defaults.mode is not Mode.OBSERVE:
        return Sight(namespace, scope.mode, scope.source, scope)
    return Sight(namespace, defaults.mode, defaults.mode_source, scope)


def _scope(scopes: Iterable[Scope], namespace: str, labels: dict[str, str]) -> Scope | None:
    """A scope that selects by labels beats the namespace's own, which beats the one for every namespace; among
    equals the first counts."""
    fitting = [scope for scope in scopes if _fits(scope, namespace, labels)]
    return max(fitting, key=lambda scope: (bool(scope.labels), bool(scope.namespace)), default=None)


def _fits(scope: Scope, namespace: str, labels: dict[str, str]) -> bool:
    return scope.namespace in ("", namespace) and all(labels.get(key) == value for key, value in scope.labels)
