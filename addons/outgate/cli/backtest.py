"""`outgate backtest`: recorded requests against another policy, recorded bodies against another redaction, offline.

Owns the arguments, the words and the exit code. What is compared, and how, is `outgate.backtest`'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from outgate.backtest.redactions import Difference, Redactions
from outgate.backtest.verdicts import Change, Group, Verdicts
from outgate.capture.reading import Capture
from outgate.cli.options import policy_options, settings_of
from outgate.cli.output import counted, json_option, printable, show_json, show_table
from outgate.cli.progress import shown
from outgate.cli.redacting import MASTER, redactions_of
from outgate.cli.unread import OTHERS, warn
from outgate.loading import setting_of
from outgate.policy.attempts import Way
from outgate.policy.compile import load
from outgate.problems import PolicyError
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

CHANGED, UNREADABLE = 1, 2
VERDICTS = ("was", "would be", "rule", "count", "example", "not certain because")
PLACES = ("place", "would be", "was by", "would be by", "exchanges")


@click.command()
@click.argument("capture", type=click.Path(exists=True, path_type=Path))
@policy_options
@click.option(
    "--redaction",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Documents with EgressRedaction, or a directory: what it would take. Verdicts are judged only where --policy "
    "is given too.",
)
@json_option
@click.pass_context
def backtest(
    ctx: click.Context,
    capture: Path,
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    redaction: Path | None,
    output: str | None,
) -> None:
    """Say which verdicts, or which bodies, another policy or redaction would change, without sending anything.

    CAPTURE is a file of records, or a folder of them. What a rule looks at and a capture does not hold, because it was
    redacted or is never kept, makes a verdict uncertain, and is said.

    Exits 0 when nothing changes, 1 when something does, 2 when a capture or a document cannot be used.
    """
    try:
        verdicts = None if redaction is not None and not policy else _verdicts(policy, strict, pairs)
        redactions = None if redaction is None else _trying(redaction)
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    read = _compare(Capture(capture), verdicts, redactions)
    if not read:
        click.echo(f"{capture} holds no records{OTHERS}", err=True)
        ctx.exit(UNREADABLE)
    if output == "json":
        show_json(_content(read, verdicts, redactions))
    else:
        _show(read, verdicts, redactions)
    changed = (verdicts is not None and verdicts.changed) or (redactions is not None and redactions.changed)
    ctx.exit(CHANGED if changed else 0)


def _verdicts(policy: Sequence[Path], strict: bool | None, pairs: Sequence[str]) -> Verdicts:
    settings = settings_of(policy, strict, pairs)
    return Verdicts(load(settings.policy, setting_of(settings)), Way.of(settings.mode))


def _trying(path: Path) -> Redactions:
    """With a key of its own, so that nothing in two runs has equal tokens."""
    return Redactions(redactions_of(path, None), Replacer(Keys(secrets.token_bytes(MASTER), "backtest", "")))


def _compare(source: Capture, verdicts: Verdicts | None, redactions: Redactions | None) -> int:
    """How many exchanges there were."""
    read = 0
    for kept in shown(source, "exchanges compared"):
        read += 1
        if verdicts is not None:
            verdicts.add(kept)
        if redactions is not None:
            redactions.add(kept)
    warn(source.problems)
    return read


def _show(read: int, verdicts: Verdicts | None, redactions: Redactions | None) -> None:
    if verdicts is not None:
        if verdicts.changes:
            show_table(VERDICTS, (_row(change, group) for change, group in _largest(verdicts)))
        for line in _of_verdicts(read, verdicts):
            click.echo(printable(line))
    if redactions is not None:
        if redactions.differences:
            show_table(PLACES, (_place(each, number) for each, number in redactions.differences.most_common()))
        for line in _of_redactions(redactions):
            click.echo(printable(line))


def _row(change: Change, group: Group) -> tuple[str, ...]:
    was, would = change.was, change.would
    return (
        f"{was.verdict} {was.code}",
        f"{would.verdict} {would.code}",
        would.rule,
        str(group.count),
        *_why(change, group),
    )


def _why(change: Change, group: Group) -> tuple[str, str]:
    return group.example + (f" as {group.caller}" if group.caller else ""), change.doubt


def _place(each: Difference, number: int) -> tuple[str, ...]:
    return each.where, str(each.effect), each.was, each.would, str(number)


def _largest(verdicts: Verdicts) -> list[tuple[Change, Group]]:
    return sorted(verdicts.changes.items(), key=lambda item: -item[1].count)


def _of_verdicts(read: int, verdicts: Verdicts) -> Iterator[str]:
    if verdicts.others:
        yield f"{counted(verdicts.others, 'change')} more, of kinds beyond those that are told apart"
    yield f"{counted(read, 'exchange')}, {verdicts.changed} with another verdict, {verdicts.same} with the same"
    for why, number in verdicts.unsure.most_common():
        yield f"{number} of the same are not certain: {why}"
    for why, number in verdicts.apart.most_common():
        yield f"{number} not compared: {why}"


def _of_redactions(redactions: Redactions) -> Iterator[str]:
    if redactions.others:
        yield f"{counted(redactions.others, 'place')} more, of kinds beyond those that are told apart"
    yield f"{counted(redactions.compared, 'exchange')}, {redactions.changed} of which would be redacted otherwise"


def _content(read: int, verdicts: Verdicts | None, redactions: Redactions | None) -> dict[str, Any]:
    told: dict[str, Any] = {"exchanges": read}
    if verdicts is not None:
        told["verdicts"] = {
            "changed": verdicts.changed,
            "not_told_apart": verdicts.others,
            "same": verdicts.same,
            "unsure": dict(verdicts.unsure),
            "not_compared": dict(verdicts.apart),
            "changes": [_change(change, group) for change, group in _largest(verdicts)],
        }
    if redactions is not None:
        told["redaction"] = {
            "changed": redactions.changed,
            "not_told_apart": redactions.others,
            "places": [
                {**each._asdict(), "effect": str(each.effect), "count": number}
                for each, number in redactions.differences.most_common()
            ],
        }
    return told


def _change(change: Change, group: Group) -> dict[str, Any]:
    was, would = change.was, change.would
    return {
        "was": {"verdict": was.verdict, "code": was.code},
        "would": would._asdict(),
        "certain": not change.doubt,
        "doubt": change.doubt,
        "count": group.count,
        "example": {"id": group.id, "asked": group.example, "caller": group.caller},
    }
