"""`outgate log-level`: a running gate logs more, or less. What must never be logged more of is the gate's to know."""

from __future__ import annotations

import click

from outgate.cli.asking import admin_option, ask
from outgate.telemetry.levels import LEVELS, OURS


@click.command("log-level")
@click.argument("level", type=click.Choice(LEVELS, case_sensitive=False))
@click.argument("logger", default=OURS)
@admin_option
def log_level(level: str, logger: str, admin: str) -> None:
    """Set how much a running gate logs on standard error, until it ends.

    LOGGER is a part of the gate, such as outgate.reload; all of it without one. DEFAULT is as at the start.

    Exits 0 when it is set, 1 when the gate refuses, 3 when nobody answers.
    """
    told = ask(admin, "/log-level", {"level": level.upper(), "logger": logger})
    said = "logs as at the start" if told["level"] == "DEFAULT" else f"logs {told['level']} and above"
    click.echo(f"{told['logger']} {said}")
