"""What the meshes say about the gate as a whole, in one `Defaults`.

Owns the joining of lists, the conflict of scalars and the precedence of later policy directories. Knows no kind, and of
values only that OBSERVE, which no mesh has, is there to be laid over what the meshes say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from outgate.policy.frontends import Contribution, Override
from outgate.policy.model import Defaults, Mode, Source
from outgate.problems import Problem, Severity

JOINED = frozenset({"internal_hosts", "internal_networks", "trust_domain_aliases", "identities", "nat64", "forwarding"})


def merged(
    parts: Iterable[Contribution], layers: Mapping[str, int], problems: list[Problem]
) -> tuple[Defaults, tuple[tuple[Source, Source], ...]]:
    """The defaults, and the pairs (winner, loser) of values that a later directory replaced.

    `layers` gives the policy directory of each file. Two values for one scalar in one directory are a problem that
    names both places.
    """
    said: dict[str, list[Override]] = {}
    for part in parts:
        for name, overrides in part.defaults.items():
            said.setdefault(name, []).extend(overrides)
    values: dict[str, Any] = {}
    replaced: list[tuple[Source, Source]] = []
    for name, overrides in said.items():
        if name in JOINED:
            values[name] = tuple(dict.fromkeys(value for override in overrides for value in override.value))
        else:
            values[name] = scalar(name, overrides, layers, problems, replaced)
    sources = {name: overrides[0].source for name, overrides in said.items() if overrides}
    return _made(values, sources, said.get("mode", []), layers), tuple(dict.fromkeys(replaced))


def scalar(
    name: str,
    overrides: list[Override],
    layers: Mapping[str, int],
    problems: list[Problem],
    replaced: list[tuple[Source, Source]],
) -> Any:
    """The one value that several documents, at least one, give for something. What it replaced and what contradicts it
    is added to the lists."""
    winner = _winner(overrides, layers)
    for other in overrides:
        if other.value == winner.value:
            continue
        if _layer(other, layers) < _layer(winner, layers):
            replaced.append((winner.source, other.source))
        elif winner.value is Mode.OBSERVE and other.source.kind != winner.source.kind:
            what = f"{name} {other.value} is not in force: {winner.source} says {winner.value}"
            problems.append(Problem(other.source.where, what, "", Severity.WARNING, other.source.field))
        else:
            what = f"{name} is {other.value} here and {winner.value} in {winner.source}"
            problems.append(Problem(other.source.where, what, "say it once", field=other.source.field))
    return winner.value


def _made(
    values: dict[str, Any], sources: dict[str, Source], modes: list[Override], layers: Mapping[str, int]
) -> Defaults:
    made = replace(Defaults(), **values)
    inside = sources.get("internal_hosts") or sources.get("internal_networks")
    source = inside or next(iter(sources.values()), None)
    mode_source = _winner(modes, layers).source if modes else None
    return replace(made, source=source, mode_source=mode_source)


def _winner(overrides: list[Override], layers: Mapping[str, int]) -> Override:
    """The first of those that the latest directory gives, or among them the one that says to observe."""
    return max(overrides, key=lambda override: (_layer(override, layers), override.value is Mode.OBSERVE))


def _layer(override: Override, layers: Mapping[str, int]) -> int:
    return layers.get(override.source.where.file, 0)
