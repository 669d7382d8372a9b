"""Documents into one policy, gathering every problem.

Owns the order of a load: read, overlay, hand out to the front-ends, merge what they return, check what no single mesh
can. Knows no kind of document. A load gives a whole policy or raises; nothing half-read is ever in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from outgate.policy import access, checks, documents, keeping_checks
from outgate.policy.access_model import AccessLayer, AccessPolicy
from outgate.policy.documents import Document
from outgate.policy.forwarding import closed_ways, handed_on
from outgate.policy.frontends import Contribution, Frontend, Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.frontends.kuma.frontend import KumaFrontend
from outgate.policy.frontends.linkerd.frontend import LinkerdFrontend
from outgate.policy.frontends.native.frontend import NativeFrontend
from outgate.policy.frontends.osm.frontend import OsmFrontend
from outgate.policy.kinds import unclaimed
from outgate.policy.merge import merged
from outgate.policy.model import Defaults, Destination, Source
from outgate.policy.overlay import overlay
from outgate.policy.redaction_model import KeepingPolicy
from outgate.policy.snapshot import Policy, utc_now
from outgate.policy.telemetry_rules import joined
from outgate.policy.tunnels import tunnel_warnings
from outgate.policy.uncollected import uncollected
from outgate.problems import PolicyError, Problem, Severity, Where

__all__ = ["FRONTENDS", "Policy", "compile", "faults", "gather", "load"]

FRONTENDS: tuple[Frontend, ...] = (
    NativeFrontend(),
    IstioFrontend(),
    OsmFrontend(),
    LinkerdFrontend(),
    KumaFrontend(),
)
"""Asked in this order; the first that claims a document has it."""


@uncollected()
def load(paths: Sequence[Path], setting: Setting, beneath: Iterable[Document] | None = None) -> Policy:
    """The policy of some files and directories, later ones laid over earlier ones. Raises `PolicyError`.

    `beneath`: documents of a source that is sure to have told all of them, over which the files are laid. There may be
    none: a policy of denials. What became of their fields is not kept: whoever asks that compiles them."""
    found, unread = gather(paths)
    if beneath is not None:
        found = [*beneath, *(replace(document, layer=document.layer + 1) for document in found)]
    elif not found and not unread:
        where = Where(", ".join(map(str, paths)) or "policy")
        unread.append(Problem(where, "there is no document here", "without a policy nothing starts or is reloaded"))
    if unread:
        raise PolicyError([*unread, *faults(found, setting)])
    policy = _compiled(found, setting, accounts=False)
    _let_go(found)
    return policy


def gather(paths: Sequence[Path]) -> tuple[list[Document], list[Problem]]:
    """The documents of the files that can be read, and what is wrong with the others."""
    found: list[Document] = []
    problems: list[Problem] = []
    for layer, path in enumerate(paths):
        documents_there, problems_there = documents.gather(path, layer)
        found += documents_there
        problems += problems_there
    return found, problems


def faults(given: Iterable[Document], setting: Setting) -> list[Problem]:
    """The errors of documents beside which others could not be read. What only warns may be due to those."""
    try:
        compile(given, setting)
    except PolicyError as error:
        return [problem for problem in error.problems if problem.severity is Severity.ERROR]
    return []


def compile(given: Iterable[Document], setting: Setting) -> Policy:  # noqa: A001 - the word for it
    """One policy from documents. Raises `PolicyError` with every problem; warnings are kept in `Policy.problems`."""
    return _compiled(given, setting, accounts=True)


def _compiled(given: Iterable[Document], setting: Setting, *, accounts: bool) -> Policy:
    everything = list(given)
    kept, overridden, problems = overlay(everything, setting.gate.namespace)
    parts = _translated(kept, setting)
    for _, part in parts:
        problems += part.problems
    layers = {document.where.file: document.layer for document in everything}
    made = _assembled(parts, layers, overridden, setting, problems)
    if _failed(problems):
        raise PolicyError(_ordered(problems, layers))
    fields = tuple(chain.from_iterable(part.account() for _, part in parts)) if accounts else ()
    for _, part in parts:
        _let_go(part.fields)
    return made(problems=_ordered(problems, layers), fields=fields)


def _let_go(held: list[Any]) -> None:
    """One by one: freed at a stroke, they hold up the event loop of a gate that loads on another thread."""
    while held:
        held.pop()


def _translated(kept: list[Document], setting: Setting) -> list[tuple[str, Contribution]]:
    """What each mesh makes of the documents that it claims, by mesh; what nobody claims comes first."""
    claimed: dict[str, list[Document]] = {frontend.mesh: [] for frontend in FRONTENDS}
    rest = Contribution()
    for document in kept:
        owner = next((frontend for frontend in FRONTENDS if frontend.claims(document)), None)
        if owner is not None:
            claimed[owner.mesh].append(document)
            continue
        problem, account = unclaimed(document, strict=setting.strict)
        rest.problems.append(problem)
        rest.fields.append(account)
    return [("", rest)] + [
        (frontend.mesh, frontend.translate(claimed[frontend.mesh], setting)) for frontend in FRONTENDS
    ]


def _assembled(
    parts: list[tuple[str, Contribution]],
    layers: Mapping[str, int],
    overridden: tuple[tuple[Source, Source], ...],
    setting: Setting,
    problems: list[Problem],
) -> Callable[..., Policy]:
    """The policy that the parts make, once its problems are known: what is wrong with them together is among those."""
    contributions = [part for _, part in parts]
    defaults, replaced = merged(contributions, layers, problems)
    defaults = replace(defaults, ways=setting.ways, is_gateway=setting.is_gateway)
    rules = tuple(layer for mesh, part in parts for layer in _layers(mesh, part.access))
    destinations = tuple(chain.from_iterable(part.destinations for part in contributions))
    scopes = tuple(chain.from_iterable(part.scopes for part in contributions))
    # Where a mesh's documents and the gate's own are equally general, the latter come last.
    telemetry = joined(part.telemetry for part in reversed(contributions))
    keeping = _kept(part.keeping for part in contributions)
    replaced += tuple(chain.from_iterable(part.replaced for part in contributions))
    problems += checks.conflicts((mesh, part.destinations) for mesh, part in parts)
    problems += _checked(destinations, rules, defaults, keeping, strict=setting.strict)
    problems += setting.telemetry_faults(telemetry)
    problems += setting.redaction_faults(keeping)
    if not _failed(problems):
        problems += checks.no_mode(defaults, Where(next(iter(layers), "policy")))
    return partial(
        Policy,
        generation=_digest(defaults, destinations, scopes, rules, telemetry, keeping, setting.gate),
        defaults=defaults,
        destinations=destinations,
        scopes=scopes,
        access=rules,
        gate=setting.gate,
        overridden=overridden + replaced,
        telemetry=telemetry,
        keeping=keeping,
    )


def _layers(mesh: str, policies: Iterable[AccessPolicy]) -> Iterator[AccessLayer]:
    """One for each name of a layer, in the order in which they come."""
    found: dict[str, list[AccessPolicy]] = {}
    for policy in policies:
        found.setdefault(policy.layer, []).append(policy)
    for name, those in found.items():
        yield AccessLayer(f"{mesh}/{name}" if name else mesh, tuple(those))


def _kept(parts: Iterable[KeepingPolicy]) -> KeepingPolicy:
    given = list(parts)
    return KeepingPolicy(
        redactions=tuple(chain.from_iterable(part.redactions for part in given)),
        captures=tuple(chain.from_iterable(part.captures for part in given)),
    )


def _checked(
    destinations: tuple[Destination, ...],
    rules: tuple[AccessLayer, ...],
    defaults: Defaults,
    keeping: KeepingPolicy,
    *,
    strict: bool,
) -> Iterator[Problem]:
    yield from checks.lone_ports(destinations)
    yield from checks.expiries(destinations, utc_now())
    yield from checks.dns_channels(destinations)
    yield from checks.unregistered_tunnels(destinations)
    for layer in rules:
        # What other meshes ask of tunnels is what they mean, unless Istio's reading is asked for.
        if layer.mesh in (IstioFrontend.mesh, NativeFrontend.mesh) or defaults.tunnel_hosts != "sni":
            yield from tunnel_warnings(layer.policies, destinations, defaults)
    here = [one for one in destinations if not handed_on(defaults, one)]
    yield from checks.missing_files(here, strict=strict)
    yield from closed_ways(defaults, destinations)
    yield from keeping_checks.unseen(keeping, destinations)
    yield from keeping_checks.idle(keeping)
    yield from _rules(rules, defaults)


def _rules(layers: tuple[AccessLayer, ...], defaults: Defaults) -> Iterator[Problem]:
    """Values of rules that cannot be judged, found now and not at the first request, which finds the rules compiled."""
    try:
        access.prepare(layers, defaults)
    except ValueError:
        yield from _faulty(layers, defaults)


def _faulty(layers: tuple[AccessLayer, ...], defaults: Defaults) -> Iterator[Problem]:
    for layer in layers:
        for policy in layer.policies:
            try:
                access.prepare((AccessLayer(layer.mesh, (policy,)),), defaults)
            except ValueError as error:
                yield Problem(policy.source.where, f"{policy.source.kind} {policy.source.name}: {error}", "correct it")


def _failed(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:12]


def _ordered(problems: list[Problem], layers: Mapping[str, int]) -> tuple[Problem, ...]:
    """In the order of the files, then of the lines."""
    order = {file: number for number, file in enumerate(layers)}
    return tuple(
        sorted(
            problems, key=lambda problem: (order.get(problem.where.file, -1), problem.where.line, problem.where.column)
        )
    )
