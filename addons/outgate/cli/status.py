"""`outgate status`: how a running gate is. Owns the words; the numbers are the gate's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from outgate.cli.asking import admin_option, ask
from outgate.cli.check import count
from outgate.cli.output import json_option, printable, show_json, style

UNREADY = 1
WIDTH, GAP = 13, 2
DENIED = "denied_"


@click.command()
@admin_option
@json_option
@click.pass_context
def status(ctx: click.Context, admin: str, output: str | None) -> None:
    """Say whether a running gate takes traffic, which policy is in force, and how it goes.

    Exits 0 when it takes traffic, 1 when it does not, 3 when nobody answers.
    """
    told = ask(admin, "/status")
    if output == "json":
        show_json(told)
    else:
        for line in lines(told, admin):
            click.echo(line)
    ctx.exit(0 if told["ready"] else UNREADY)


def lines(told: dict[str, Any], admin: str) -> Iterator[str]:
    ready = style("ready", fg="green") if told["ready"] else style(f"not ready: {told['reason']}", fg="red")
    yield f"outgate {told['version']} at {admin} is {ready}"
    rows = list(_rows(told))
    width = max(WIDTH, *(len(name) + GAP for name, _ in rows))
    for name, text in rows:
        yield f"  {name:<{width}}{printable(text)}"


def _rows(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    policy, counts = told["policy"], dict(told["counts"])
    yield "policy", f"{policy['digest']}, {policy['mode']}, {count(policy['destinations'], 'destination')}"
    yield "loaded", f"{span(policy['age'])} ago, generation {policy['generation']}"
    if "cluster" in policy:
        yield "cluster", _cluster(policy["cluster"])
    if policy["warnings"]:
        yield "warnings", str(policy["warnings"])
    if policy["failures"]:
        yield "refused", f"{count(policy['failures'], 'reload')}; the policy before stays in force"
    yield from (("last error" if not number else "", each) for number, each in _numbered(policy["last_error"]))
    if "workers" in told:
        workers = told["workers"]
        yield "workers", str(len(workers) if isinstance(workers, list | dict) else workers)
    yield "connections", f"{told['connections']} open"
    yield "denied", _denied(counts)
    yield "access log", f"{counts.pop('log_dropped', 0)} lines lost"
    yield "contained", f"{count(told['guard_trips'], 'failure')} of hooks and layers"
    yield from ((name, str(number)) for name, number in sorted(counts.items()))


def _cluster(told: dict[str, Any]) -> str:
    known = count(told["documents"], "document")
    absent = f"; {count(len(told['absent']), 'kind')} not served" if told["absent"] else ""
    if not told["age"]:
        return f"{known}, as it is now{absent}"
    why = f": {told['reason']}" if told["reason"] else ""
    return f"{known}, as it was {span(told['age'])} ago{why}{absent}"


def _denied(counts: dict[str, int]) -> str:
    """All denials, and how many of each code. Takes them out of the counts."""
    names = [name for name in counts if name.startswith(DENIED)]
    codes = {name.removeprefix(DENIED): counts.pop(name) for name in names}
    each = ", ".join(f"{code} {number}" for code, number in sorted(codes.items(), key=lambda item: -item[1]))
    return f"{sum(codes.values())}: {each}" if codes else "0"


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    yield from enumerate(text.splitlines())


def span(seconds: float) -> str:
    """A length of time for people, in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
