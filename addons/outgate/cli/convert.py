"""`outgate convert`: the same policy in outgate's own kinds.

Owns the arguments, where it is written, and the exit code. What is written is `outgate.converting`'s.
"""

from __future__ import annotations

from pathlib import Path

import click

from outgate.cli.check import line
from outgate.cli.options import policy_options, settings_of
from outgate.cli.output import counted, create, printable
from outgate.converting.conversion import Converted, convert
from outgate.loading import setting_of
from outgate.policy.compile import compile as compile_policy
from outgate.policy.compile import faults, gather
from outgate.policy.model import Fate
from outgate.policy.snapshot import Policy
from outgate.policy.uncollected import uncollected
from outgate.problems import PolicyError
from outgate.settings import Settings

FOUND = 1
FILE = "outgate.yaml"
SILENT = frozenset({Fate.APPLIED, Fate.APPROXIMATED})
"""Fates of fields of which there is something to write."""


@click.command("convert")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@policy_options
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=f"A directory that gets one file, {FILE}.  [default: standard output]",
)
@click.pass_context
def convert_command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    output: Path | None,
) -> None:
    """Write the policy of any mesh's documents in outgate's own kinds.

    The documents decide as those they came from do, which is proved by reading them again. What has no native form is
    told with its place, and then nothing is written. Exits 1 for that, and for documents that cannot be used.
    """
    settings = settings_of((*paths, *policy), strict, pairs)
    made, loaded = converted(settings, (output or Path()) / FILE)
    for problem in made.problems:
        click.echo(line(problem), err=True)
    if not made.whole or loaded is None:
        ctx.exit(FOUND)
    left_out(loaded)
    if output is None:
        click.echo(made.text, nl=False)
    else:
        write(made.text, output)


@uncollected()
def converted(settings: Settings, file: Path) -> tuple[Converted, Policy | None]:
    """What the settings' documents come to; without a policy where they cannot be used."""
    setting = setting_of(settings)
    found, problems = gather(settings.policy)
    if problems:
        return Converted("", (*problems, *faults(found, setting))), None
    if not found:
        raise click.UsageError(f"there is no document in {', '.join(map(str, settings.policy))}")
    try:
        policy = compile_policy(found, setting)
    except PolicyError as error:
        return Converted("", error.problems), None
    return convert(policy, found, setting, str(file)), policy


def left_out(policy: Policy) -> None:
    """Fields that have no effect, and so are not written."""
    for report in policy.fields:
        if report.fate not in SILENT:
            note = f": {report.note}" if report.note else ""
            what = f"left out: {report.kind} {report.path or 'as a whole'}, {report.fate}{note}"
            click.echo(printable(f"{report.where}: {what}"), err=True)


def write(text: str, output: Path) -> None:
    """Never over anything."""
    path = output / FILE
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    create(path, text.encode(), "name another directory")
    click.echo(f"written to {path}, {counted(text.count(chr(10) + '---'), 'document')}", err=True)
