"""An export that is read again before anybody gets it, and kept back where something in it should not be there.

Owns what is kept by the documents that are named, and the words. What is looked for is `outgate.capture.leaks`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import click

from outgate.capture.leaks.check import Check
from outgate.capture.leaks.values import Values
from outgate.cli.output import counted, printable
from outgate.cli.progress import shown
from outgate.policy.redaction_model import Carrier, RedactionPolicy, Strategy

LISTED = 20
HINT = "a rule of --redaction takes it where it stands, or keeps it; --mode allow takes every text"
NAMING = frozenset({Carrier.HEADER, Carrier.COOKIE, Carrier.QUERY})


class Leaky(click.ClickException):
    """Something stands in it that should not: exit code 1."""


def check_of(form: str, values: Values, redactions: tuple[RedactionPolicy, ...] | None) -> Check:
    """`redactions`: the documents that are named; what they keep is looked for in vain."""
    said = redactions or ()
    defaults = not said or any(each.defaults for each in said)
    return Check(form, values, _kept(said), defaults=defaults)


def _kept(redactions: Iterable[RedactionPolicy]) -> Iterator[str]:
    for rule in chain(*(each.rules for each in redactions)):
        if rule.replacement.strategy is Strategy.KEEP:
            yield from rule.detectors
            yield from (each.expression.lower() for each in rule.selectors if each.carrier in NAMING)
            if any(each.carrier is Carrier.COOKIE for each in rule.selectors):
                yield from ("cookie", "set-cookie")


def look(check: Check, place: Path) -> None:
    """Raises `Leaky`, and `OSError` where it cannot be read."""
    if check.overflow:
        click.echo(
            f"warning: {counted(check.overflow, 'value')} that were taken could not be looked for again", err=True
        )
    leaks = sorted(set(chain.from_iterable(shown(check.entries(place), "pieces looked at again"))))
    if not leaks:
        return
    for leak in islice(leaks, LISTED):
        click.echo(f"leak: {printable(str(leak))}", err=True)
    raise Leaky(f"{counted(len(leaks), 'leak')}, so nothing is written; {HINT}")
