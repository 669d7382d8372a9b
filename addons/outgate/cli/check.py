"""`outgate check`: what is wrong with policy documents, what they come to, and what became of every field.

Owns the lines that are printed and the exit code. What is wrong is for `outgate.policy` to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from outgate.cli.options import policy_options, settings_of
from outgate.cli.output import json_option, printable, show_json, show_table
from outgate.loading import setting_of
from outgate.policy.compile import Policy, faults, gather
from outgate.policy.compile import compile as compile_policy
from outgate.policy.plain import plain
from outgate.policy.uncollected import uncollected
from outgate.problems import PolicyError, Problem, Severity
from outgate.settings import Settings

FOUND = 1
FIELDS = ("place", "kind", "field", "fate", "note")


@dataclass(slots=True)
class Outcome:
    """What a load came to. `policy` is None where the problems are errors."""

    documents: int = 0
    policy: Policy | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> int:
        return sum(problem.severity is Severity.ERROR for problem in self.problems)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@policy_options
@click.option("--fields", is_flag=True, help="List every field and what became of it.")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    paths: tuple[Path, ...],
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    fields: bool,
    output: str | None,
) -> None:
    """Find what is wrong with policy documents.

    Prints FILE:LINE:COLUMN: MESSAGE; HINT for every problem, then what the policy comes to. Exits 0 when it can be
    used, with or without warnings, 1 when it cannot, 2 when there is nothing to read.
    """
    settings = settings_of((*paths, *policy), strict, pairs)
    outcome = loaded(settings)
    if not (outcome.documents or outcome.errors):
        raise click.UsageError(f"there is no document in {', '.join(map(str, settings.policy))}")
    if output == "json":
        show_json(content(outcome, fields=fields))
    else:
        show(outcome, fields=fields)
    ctx.exit(FOUND if outcome.errors else 0)


@uncollected()
def loaded(settings: Settings) -> Outcome:
    """The policy of the settings' paths, with every problem of every file."""
    outcome, setting = Outcome(), setting_of(settings)
    found, outcome.problems = gather(settings.policy)
    outcome.documents = len(found)
    if outcome.problems:
        outcome.problems += faults(found, setting)
        return outcome
    try:
        outcome.policy = compile_policy(found, setting)
        outcome.problems += outcome.policy.problems
    except PolicyError as error:
        outcome.problems += error.problems
    return outcome


def show(outcome: Outcome, *, fields: bool) -> None:
    for problem in outcome.problems:
        click.echo(line(problem))
    if outcome.policy is not None:
        for winner, loser in outcome.policy.overridden:
            click.echo(printable(f"overridden: {loser} by {winner}"))
        if fields:
            show_table(FIELDS, ([row[column] for column in FIELDS] for row in fates(outcome.policy)))
    click.echo(summary(outcome))


def line(problem: Problem) -> str:
    """One line as editors read it. Warnings say that they are."""
    warning = "warning: " if problem.severity is Severity.WARNING else ""
    hint = f"; {problem.hint}" if problem.hint else ""
    return printable(f"{problem.where}: {warning}{problem.what}{hint}")


def summary(outcome: Outcome) -> str:
    """`2 documents, 1 destination, 0 access rules, mode REGISTRY_ONLY; no problems`"""
    parts = [count(outcome.documents, "document")]
    if (policy := outcome.policy) is not None:
        given = "" if policy.defaults.mode_source else " (nothing says another)"
        parts += [
            count(len(policy.destinations), "destination"),
            count(rules(policy), "access rule"),
            f"mode {policy.defaults.mode}{given}",
        ]
    warnings = len(outcome.problems) - outcome.errors
    found = [count(number, word) for number, word in ((outcome.errors, "problem"), (warnings, "warning")) if number]
    return f"{', '.join(parts)}; {' and '.join(found) or 'no problems'}"


def content(outcome: Outcome, *, fields: bool) -> dict[str, Any]:
    """The same as `show`, as data."""
    told: dict[str, Any] = {
        "usable": outcome.policy is not None,
        "documents": outcome.documents,
        "problems": [plain(problem) for problem in outcome.problems],
    }
    if (policy := outcome.policy) is not None:
        told |= {
            "mode": str(policy.defaults.mode),
            "mode_source": plain(policy.defaults.mode_source),
            "destinations": len(policy.destinations),
            "rules": rules(policy),
            "overridden": [{"winner": plain(winner), "loser": plain(loser)} for winner, loser in policy.overridden],
        }
        if fields:
            told["fields"] = list(fates(policy))
    return told


def fates(policy: Policy) -> Iterator[dict[str, str]]:
    """Every field in the order of the documents."""
    for report in policy.fields:
        yield {
            "place": str(report.where),
            "kind": report.kind,
            "field": report.path,
            "fate": str(report.fate),
            "note": report.note,
        }


def rules(policy: Policy) -> int:
    return sum(len(access.rules) for layer in policy.access for access in layer.policies)


def count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
