"""`outgate doctor`: what is wrong with this machine, pod or policy, and the fix.

Owns flags, the form of what is printed and the exit code. What is looked at is `outgate.doctor`'s.
"""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path

import click

from outgate.cli.options import DEFAULT, policy_options
from outgate.cli.output import json_option, printable, show_json, style
from outgate.settings import Settings, SettingsError, read_settings

COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


@click.command()
@policy_options
@json_option
@click.pass_context
def doctor(
    ctx: click.Context, policy: tuple[Path, ...], strict: bool | None, pairs: tuple[str, ...], output: str | None
) -> None:
    """Find what is wrong with this machine, pod or policy, and say how to mend it.

    Give it the policy and the settings that the gate has. As root it proves by connections that the redirect bites.
    Nothing is changed. Exits 0 when nothing is wrong, 1 with findings; notes are no findings.
    """
    from outgate.doctor.checkup import Patient, examine
    from outgate.doctor.finding import Outcome, wrong

    settings, complaint = _settings(policy, strict, pairs)
    findings = [wrong("settings", complaint, "correct the variable or the pair")] if complaint else []
    findings += examine(Patient(settings, os.environ))
    count = sum(finding.outcome is Outcome.WRONG for finding in findings)
    if output == "json":
        show_json({"wrong": count, "findings": [asdict(finding) for finding in findings]})
    else:
        width = max(len(finding.check) for finding in findings)
        for finding in findings:
            mark = style(f"{finding.outcome:<5}", fg=COLOURS[finding.outcome])
            click.echo(f"{mark}  {finding.check:<{width}}  {printable(finding.what)}")
            if finding.fix:
                click.echo(f"{'':<5}  {'':<{width}}  -> {printable(finding.fix)}")
        click.echo(f"{count} findings" if count != 1 else "1 finding")
    ctx.exit(bool(count))


def _settings(policy: tuple[Path, ...], strict: bool | None, pairs: tuple[str, ...]) -> tuple[Settings, str]:
    """The settings, or where they cannot be read, the defaults and why."""
    flags = {"policy": policy or None, "strict": strict}
    try:
        settings, complaint = read_settings(flags, pairs, os.environ), ""
    except SettingsError as error:
        settings, complaint = read_settings(flags, (), {}), str(error)
    paths = settings.policy or ((DEFAULT,) if DEFAULT.is_dir() and not settings.policy_from_cluster else ())
    return replace(settings, policy=paths), complaint
