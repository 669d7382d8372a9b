"""`outgate get`: what a running gate has loaded.

Owns which question needs which answers of the gate, the choice by last use, and the three forms. Rows are `listing`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import click

from outgate.cli import listing
from outgate.cli.asking import admin_option, ask
from outgate.cli.listing import Listing, Told
from outgate.cli.options import moment
from outgate.cli.output import printable, show_json, show_table

WHAT = ("listeners", "destinations", "routes", "rules", "endpoints", "certs", "config")
OF_CALLERS = ("destinations", "routes", "rules")


def _caller(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str:
    if text is not None and not re.fullmatch(r"[^/\s]+(/[^/\s]+)?", text):
        raise click.BadParameter(f'"{text}" is not NAMESPACE/SERVICEACCOUNT')
    return text or ""


@click.command()
@click.argument("what", type=click.Choice(WHAT))
@admin_option
@click.option("--as", "caller", callback=_caller, metavar="NS/SERVICEACCOUNT", help="What this caller has of it.")
@click.option("--unused", is_flag=True, help="Destinations that were not used.")
@click.option("--since", callback=moment, metavar="T", help="With --unused: since 7d, 12h, 30m ago, or a date.")
@click.option("-o", "--output", type=click.Choice(["json", "markdown"]), help="Print JSON, or a table for a document.")
def get(what: str, admin: str, caller: str, unused: bool, since: float | None, output: str | None) -> None:
    """Show what a running gate has loaded.

    destinations have their owner and purpose (annotations outgate.dev/owner and outgate.dev/purpose) and when they were
    last used; -o markdown makes an inventory of it. config is everything, as JSON.

    Exits 0 when the gate answers, 3 when nobody does.
    """
    if caller and what not in OF_CALLERS:
        raise click.UsageError(f"--as is for {', '.join(OF_CALLERS)}; {what} are the same for every caller")
    if (unused and what != "destinations") or (since is not None and not unused):
        raise click.UsageError("--unused is for destinations, and --since for --unused")
    if what == "config" and output == "markdown":
        raise click.UsageError("config is JSON; leave -o markdown out")
    told = _told(what, admin, caller)
    if what == "destinations" and unused:
        told["destinations"] = [each for each in told["destinations"] if not _used(each, since)]
    if output == "json" or what == "config":
        show_json(told)
    else:
        show(what, _listing(what, told, since), markdown=output == "markdown")


def show(what: str, found: Listing, *, markdown: bool) -> None:
    if markdown:
        for line in marked_down(what, found):
            click.echo(line)
        return
    if found.rows:
        show_table(found.columns, found.rows)
    else:
        click.echo(f"no {what}")
    for note in found.notes:
        click.echo(printable(note), err=True)


def marked_down(what: str, found: Listing) -> Iterator[str]:
    """The table in Markdown, in which no cell ends the row that it stands in."""
    yield f"# {what.capitalize()}"
    yield ""
    yield _row(found.columns)
    yield _row("---" for _ in found.columns)
    yield from map(_row, found.rows)
    for note in found.notes:
        yield ""
        yield printable(note)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(printable(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _told(what: str, admin: str, caller: str) -> Any:
    """The gate's answers; for destinations together with their last use."""
    query = f"?as={quote(caller, safe='')}" if caller else ""
    if what == "destinations":
        return _destinations(admin, query)
    if what == "endpoints":
        return _endpoints(admin)
    return ask(admin, f"/{what}{query}")


def _destinations(admin: str, query: str) -> Told:
    found, usage = ask(admin, "/destinations"), ask(admin, "/last-use")
    if query:
        seen = {route["destination"] for route in ask(admin, f"/routes{query}")["routes"]}
        found = [each for each in found if each["key"] in seen]
    used = usage.pop("used")
    return {**usage, "destinations": [each | {"last_use": used.get(each["key"])} for each in found]}


def _endpoints(admin: str) -> list[Told]:
    """Destinations that know how their origins are."""
    found: list[Told] = ask(admin, "/destinations")
    origins: list[Told] = ask(admin, "/origins")["origins"]
    for each in found:
        own = (f"{each['key']}:", f"{each['key']}|")
        each["origins"] = [origin for origin in origins if origin["origin"].startswith(own)]
    return found


def _used(told: Told, since: float | None) -> bool:
    return told["last_use"] is not None and (since is None or told["last_use"] >= since)


def _listing(what: str, told: Any, since: float | None) -> Listing:
    match what:
        case "destinations":
            return listing.destinations(told["destinations"], _notes(told, since))
        case "listeners":
            return listing.listeners(told)
        case "routes":
            return listing.routes(told)
        case "rules":
            return listing.rules(told)
        case "endpoints":
            return listing.endpoints(told)
        case _:
            return listing.certificates(told)


def _notes(told: Told, since: float | None) -> Iterator[str]:
    """What the times of last use are worth."""
    begun = listing.moment(told["since"])
    if told["problem"]:
        yield f"last use is known since {begun}, and cannot be kept: {told['problem']}"
    elif told["persisted"]:
        yield f"last use is known since {begun}"
    else:
        yield f"last use is known since the gate started, {begun}; the setting state_dir keeps it across restarts"
    if since is not None and since < told["since"]:
        yield f"that is later than {listing.moment(since)}: what is listed may have been used before"
