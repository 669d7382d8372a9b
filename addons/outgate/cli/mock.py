"""`outgate mock`: a capture as many, with the same shapes and joins and other values.

Owns the arguments, and the file that appears only when it is whole. What a copy is, is `outgate.capture.copies`'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from outgate.capture.copies import copies
from outgate.capture.reading import Capture
from outgate.capture.record import write
from outgate.cli.options import settings_of
from outgate.cli.output import counted, unless_standard
from outgate.cli.progress import shown
from outgate.cli.tidily import tidily
from outgate.cli.unread import OTHERS, warn
from outgate.loading import setting_of
from outgate.policy.compile import load
from outgate.policy.redaction_model import RedactionPolicy
from outgate.problems import PolicyError

UNREADABLE = 2


@click.command()
@click.argument("capture", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-n",
    "--copies",
    "number",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    metavar="N",
    help="How many.",
)
@click.option("--seed", default="outgate", show_default=True, metavar="TEXT", help="Other values for another text.")
@click.option(
    "--redaction",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The documents that the capture was redacted by, where rules of its own made values of a format.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    callback=unless_standard,
    metavar="OUT",
    help="The file to write, which must not be there.  [default: standard output]",
)
@click.pass_context
def mock(
    ctx: click.Context, capture: Path, number: int, seed: str, redaction: Path | None, output: Path | None
) -> None:
    """Multiply a capture into synthetic ones, for a test that needs more of it.

    Each copy has the same exchanges. What redaction had replaced is replaced again, by a value of the same format that
    is the same wherever the first was, and another in each copy. The same seed makes the same copies anywhere. What is
    written is a capture, to be exported or replayed as any.

    Exits 0, or 2 when nothing can be read or written.
    """
    try:
        redactions = _redactions(redaction)
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    source, written = Capture(capture), 0
    with tidily(), _place(output) as file:
        for kept in shown(copies(source, number, seed, redactions), "exchanges written"):
            file.write(write(kept))
            written += 1
        warn(source.problems)
        if not written:
            click.echo(f"{capture} holds no records{OTHERS}", err=True)
            ctx.exit(UNREADABLE)
    click.echo(f"{counted(written, 'exchange')} in {number} {'copy' if number == 1 else 'copies'}", err=True)


def _redactions(path: Path | None) -> tuple[RedactionPolicy, ...]:
    if path is None:
        return ()
    settings = settings_of((path,), None, ())
    return load(settings.policy, setting_of(settings)).keeping.redactions


@contextmanager
def _place(output: Path | None) -> Iterator[BinaryIO]:
    """Where to write; nothing is left of it where that did not come to an end."""
    if output is None:
        yield sys.stdout.buffer
        return
    if os.path.lexists(output):
        raise click.UsageError(f"{output} is there already; name another file")
    # From here on it is this command's, also where a signal comes as soon as it is made.
    try:
        with open(output, "xb", opener=_opened) as file:
            yield file
    except FileExistsError as error:
        raise click.UsageError(f"{output} is there already; name another file") from error
    except BaseException as error:
        output.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise click.UsageError(f"{output} cannot be written: {error}") from error
        raise


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags, 0o644)
