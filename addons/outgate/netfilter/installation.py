"""Putting the rules in and taking them out, each table in one change that the kernel makes whole or not at all.

Owns the order that leaves no gap: the chains of every family stand before any is hooked into OUTPUT, `filter` closes
before `nat` turns, and on removal `nat` goes first. Knows the rules only as words and lines.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from outgate.netfilter import surroundings
from outgate.netfilter.backend import PROGRAM, Backend, Kind, Unable, installed
from outgate.netfilter.options import Family, Options
from outgate.netfilter.rules import OUTPUT, PREFIX, Table, marks, tables

log = logging.getLogger(__name__)

TABLES = ("nat", "filter")  # in the order in which they are taken away
MARKS = "mangle"
JUMP = re.compile(rf"-A (OUTPUT|INPUT) .*-j {PREFIX}")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one family: through which program, and whether anything differs from before."""

    backend: Backend
    changed: bool

    def __str__(self) -> str:
        return f"{self.backend.family} through {self.backend.name}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One family whose chains stand in the kernel. `before` is what its tables held until then."""

    backend: Backend
    wanted: tuple[Table, ...]
    before: list[list[str]]


def install(options: Options, ipv6: bool = True, kind: Kind | None = None) -> list[Change]:
    """Install, or build the same rules again in place. Raises Unable.

    IPv6 is left out when asked, and when neither a program that works nor an address for it is here. If the kernel
    refuses the last step, what stands already refuses traffic.
    """
    if meshes := surroundings.foreign([backend for family in Family for backend in installed(family)]):
        raise Unable(f"another redirect is in place: {', '.join(meshes)}; take this workload out of that mesh first")
    first = _prepare(options, Family.IPV4, kind)
    try:
        prepared = [first, *(_prepare_ipv6(options, kind) if ipv6 else [])]
    except Unable:
        _discard(first.backend)
        raise
    changes = [_hook(each) for each in prepared]
    for each in prepared:
        _mark(each.backend, marks(options))
    return changes


def _mark(backend: Backend, table: Table) -> None:
    """Where the kernel cannot, the gate knows less about uids, and nothing more gets out."""
    try:
        backend.restore(_batch(iter([chains(table)])))
        backend.restore(_batch(iter([hooks(table, backend.listing(table.name))])))
    except Unable as error:
        log.warning("connections whose port the redirect changes are not marked: %s", error)


def preview(options: Options, ipv6: bool = True) -> str:
    """The commands of a first installation, ready for a shell. Looks at nothing on this machine."""
    return "".join(_heredoc(family, options) for family in Family if ipv6 or family is Family.IPV4)


def _heredoc(family: Family, options: Options) -> str:
    command = shlex.join(Backend(family, Kind.NFT, PROGRAM[family]).restore_command())
    wanted, marked = tables(options, family), marks(options)
    steps = (
        _batch(chains(table) for table in wanted),
        _batch(hooks(table, []) for table in wanted),
        _batch(iter([chains(marked), hooks(marked, [])])),
    )
    return "".join(f"{command} <<'RULES'\n{step}RULES\n" for step in steps)


def _prepare_ipv6(options: Options, kind: Kind | None) -> list[Prepared]:
    try:
        return [_prepare(options, Family.IPV6, kind)]
    except Unable as error:
        if surroundings.has_ipv6():
            raise Unable(
                f"{error}; this namespace has IPv6 addresses, which would stay open: make ip6tables work, remove the "
                "addresses, or take that risk with --no-ipv6"
            ) from error
        if any(not backend.complaint() for backend in installed(Family.IPV6) if kind in (None, backend.kind)):
            hint = "ip6tables works here: correct the flags, or leave IPv6 out by --no-ipv6"
            raise Unable(f"{error}; {hint}") from error
        return []


def _prepare(options: Options, family: Family, kind: Kind | None) -> Prepared:
    """Build the chains with the first program whose kernel side takes them."""
    wanted = tables(options, family)
    complaints = []
    for backend in _candidates(family, kind):
        try:
            before = [backend.listing(table) for table in TABLES]
            _build(backend, wanted)
            return Prepared(backend, wanted, before)
        except Unable as error:
            complaints.append(str(error))
    raise Unable("; ".join(complaints) or f"there is no {kind or ''} {PROGRAM[family]} here; install iptables")


def _candidates(family: Family, kind: Kind | None) -> list[Backend]:
    """The rule set that holds our rules already, else the one asked for, else all there are."""
    programs = installed(family)
    holding = [backend for backend in programs if holds(backend)]
    if holding and kind not in (None, holding[0].kind):
        raise Unable(f"the rules are in place through {holding[0].name}; run `outgate iptables remove` first")
    return holding[:1] or [backend for backend in programs if kind in (None, backend.kind)]


def _build(backend: Backend, wanted: tuple[Table, ...]) -> None:
    try:
        backend.restore(_batch(chains(table) for table in wanted))
    except Unable:
        _discard(backend)
        raise


def _discard(backend: Backend) -> None:
    """Take away chains that were built and never hooked; hooked ones are at work and stay."""
    try:
        if not any(f"-j {OUTPUT}" in line for table in TABLES for line in backend.listing(table)):
            backend.restore(_batch(unhooked(table, backend.listing(table)) for table in TABLES))
    except Unable:  # what led here is reported already; chains that nothing jumps to have no effect
        return


def _hook(prepared: Prepared) -> Change:
    backend = prepared.backend
    backend.restore(_batch(hooks(table, backend.listing(table.name)) for table in prepared.wanted))
    return Change(backend, [backend.listing(table) for table in TABLES] != prepared.before)


def remove() -> list[Change]:
    """Take the rules out of both rule sets and both families. Where there are none, nothing is done. Raises Unable."""
    if all(backend.complaint() for backend in installed(Family.IPV4)):
        raise Unable("no iptables program works here; install iptables, or run as root where the kernel has it")
    return [_remove(backend) for family in Family for backend in installed(family) if holds(backend)]


def _remove(backend: Backend) -> Change:
    present = {table: backend.listing(table) for table in TABLES if backend.has(table)}
    backend.restore(_batch(unhooked(table, lines) for table, lines in present.items()))
    _unmark(backend)
    return Change(backend, True)


def _unmark(backend: Backend) -> None:
    with contextlib.suppress(Unable):  # a kernel that has no such table
        if backend.has(MARKS) and _ours(present := backend.listing(MARKS)):
            backend.restore(_batch(iter([unhooked(MARKS, present)])))


def holds(backend: Backend) -> bool:
    """Whether the rule set has any of our chains. One that this kernel does not have holds none."""
    try:
        return any(_ours(backend.listing(table)) for table in TABLES if backend.has(table))
    except Unable:
        return False


def chains(table: Table) -> Iterator[str]:
    """The batch that puts the table's chains in place of whatever they held: naming a chain empties it."""
    yield f"*{table.name}"
    yield from (f":{name} - [0:0]" for name, _ in table.chains)
    yield from (f"-A {name} {shlex.join(rule)}" for name, rules in table.chains for rule in rules)
    yield "COMMIT"


def hooks(table: Table, present: list[str]) -> Iterator[str]:
    """The batch that makes the jump the first rule of its hook, and the only one of its kind."""
    yield f"*{table.name}"
    yield from _unjumped(present)
    yield f"-I {table.hook} 1 {shlex.join(table.jump)}"
    yield "COMMIT"


def unhooked(table: str, present: list[str]) -> Iterator[str]:
    """The batch that takes every jump and chain of ours out of a table."""
    yield f"*{table}"
    yield from _unjumped(present)
    yield from (f"{verb} {name}" for verb in ("-F", "-X") for name in _ours(present))
    yield "COMMIT"


def _unjumped(present: list[str]) -> list[str]:
    return [line.replace("-A", "-D", 1) for line in present if JUMP.match(line)]


def _ours(present: list[str]) -> list[str]:
    return [line.split()[1] for line in present if line.startswith(f"-N {PREFIX}")]


def _batch(parts: Iterator[Iterator[str]]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)
