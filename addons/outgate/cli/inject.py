"""`outgate inject`: the sidecar put into manifests, or taken out of them. Owns flags, files and exit codes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from outgate.cli.output import printable
from outgate.problems import PolicyError, Problem, Severity, Where

FILE = click.Path(path_type=Path, allow_dash=True)
REFUSED, UNREADABLE = 1, 2


@click.command()
@click.option(
    "-f",
    "--filename",
    "paths",
    type=FILE,
    multiple=True,
    required=True,
    metavar="FILE|-",
    help="Manifests, YAML or JSON; '-' for standard input. May be repeated.",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="What is injected.")
@click.option("--remove", "removing", is_flag=True, help="Take the sidecar out again.")
@click.pass_context
def inject(ctx: click.Context, paths: tuple[Path, ...], config: Path | None, removing: bool) -> None:
    """Print manifests with the sidecar in every pod that they make.

    What makes no pods is printed as it is, byte for byte; so is what the sidecar is not put into. One that cannot have
    a sidecar is refused with the reason, and nothing is printed.
    """
    from outgate.injection.config import load
    from outgate.injection.files import changed, joined
    from outgate.injection.settings import Settings

    try:
        settings = None if removing else load(config) if config else Settings()
        files = [changed(_read(path), str(path), settings) for path in paths]
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    for problem in (problem for file in files for problem in file.problems):
        warned = "warning: " if problem.severity is Severity.WARNING else ""
        click.echo(f"{warned}{printable(str(problem))}", err=True)
    if any(file.refused for file in files):
        ctx.exit(REFUSED)
    click.echo("".join(joined([file.text for file in files])).encode(), nl=False)


def _read(path: Path) -> str:
    """As it is, the ends of its lines included."""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([Problem(Where(str(path)), f"cannot be read: {error}")]) from error
