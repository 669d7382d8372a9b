"""`outgate graph`: a picture of who calls what, of a running gate, an access log or a capture.

Owns where the calls come from and the choice among them. What they look like is `outgate.graph`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import click
from click.core import ParameterSource

from outgate.capture.reading import Capture
from outgate.cli.asking import Unable, admin_option, ask
from outgate.cli.captured import lines
from outgate.cli.options import moment as moment_given
from outgate.cli.output import printable, show_table
from outgate.cli.unread import warn
from outgate.graph.dot import dot
from outgate.graph.edges import Graph, Row, graph_of, moment, plain, span
from outgate.graph.page import page
from outgate.graph.svg import svg
from outgate.telemetry.calls import OTHER, Calls
from outgate.telemetry.loglines import Reading

FORMS: Mapping[str, Callable[[Graph], str]] = {
    "svg": svg,
    "html": page,
    "dot": dot,
    "json": lambda graph: json.dumps(plain(graph), indent=2) + "\n",
}
COLUMNS = ("caller", "destination", "verdict", "requests", "errors", "p50", "p95", "protocol", "TLS", "codes")


@click.command()
@admin_option
@click.option("--log", type=click.File("rb"), metavar="FILE", help="Read an access log instead; - is standard input.")
@click.option("--capture", type=click.Path(exists=True, path_type=Path), metavar="PATH", help="Read a capture instead.")
@click.option(
    "--since", callback=moment_given, metavar="T", help="Only what was seen since 7d, 12h, 30m ago, or a date."
)
@click.option("--namespace", default="", metavar="NAMESPACE", help="Only callers of this namespace.")
@click.option("-o", "--output", type=click.Choice(list(FORMS)), help="Print a picture, a page, or data.")
@click.pass_context
def graph(
    ctx: click.Context,
    admin: str,
    log: BinaryIO | None,
    capture: Path | None,
    since: float | None,
    namespace: str,
    output: str | None,
) -> None:
    """Draw who calls what: callers, destinations, and how it went between them.

    Of a running gate since it started, of an access log, or of a capture. Without -o it is a table.

    Exits 0, or 3 when no gate answers.
    """
    asked = ctx.get_parameter_source("admin") is ParameterSource.COMMANDLINE
    named = {"--admin": asked, "--log": log is not None, "--capture": capture is not None}
    if sum(named.values()) > 1:
        raise click.UsageError(
            f"{' and '.join(name for name, is_there in named.items() if is_there)} are two sources; name one"
        )
    source, calls = _calls(admin, log, capture, since or 0.0)
    found = graph_of(calls, source, namespace, since or 0.0)
    if output is not None:
        click.echo(FORMS[output](found), nl=False)
    elif found.rows:
        show_table(COLUMNS, map(_cells, found.rows))
    else:
        click.echo("no calls")
    _warn(found, log is None and capture is None and since is not None)


def _calls(admin: str, log: BinaryIO | None, capture: Path | None, since: float) -> tuple[str, Calls]:
    """Where they are from, and what was counted."""
    if log is not None:
        return Path(log.name).name if log.name != "-" else "standard input", _read(log, since)
    if capture is not None:
        return capture.name, _captured(capture, since)
    return admin, _asked(admin)


def _captured(capture: Path, since: float) -> Calls:
    kept = Capture(capture)
    calls = Reading(since).read(lines(kept))
    warn(kept.problems)
    return calls


def _asked(admin: str) -> Calls:
    told = ask(admin, "/calls")
    try:
        return Calls.read(told)
    except ValueError as error:
        raise Unable(f"{admin} answers with calls of another form; is it a gate of another version?") from error


def _read(log: BinaryIO, since: float) -> Calls:
    reading = Reading(since)
    calls = reading.read(log)
    if reading.strange:
        click.echo(f"{reading.strange} lines are none of an access log and are left out", err=True)
    return calls


def _cells(row: Row) -> tuple[str, ...]:
    errors = f"{row.share:.1%}" if row.edge.errors else ""
    numbers = (str(row.edge.requests), errors, span(row.p50), span(row.p95))
    return row.caller, row.destination, row.verdict, *numbers, *map(", ".join, (row.protocols, row.tls, row.codes))


def _warn(found: Graph, cumulative: bool) -> None:
    """What the numbers are worth."""
    if cumulative:
        told = (
            f"a gate counts from its start, here {moment(found.since)}: --since chooses edges, their numbers are whole"
        )
        click.echo(printable(told), err=True)
    if any(row.edge.place.kind == OTHER for row in found.rows):
        click.echo(
            "there are too many callers or names to tell them all apart; the rest is counted as others", err=True
        )
