"""What commands print and write: tables, JSON, new files. Rich is loaded for a terminal only; elsewhere text is plain.

Owns the form. Knows nothing of what is printed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

STANDARD = Path("-")
"""Standard input or output, where a file is named."""

json_option = click.option("-o", "--output", type=click.Choice(["json"]), help="Print one JSON document.")


def unless_standard(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """For what is written to standard output where no file is named."""
    return None if path == STANDARD else path


def show_json(content: object) -> None:
    click.echo(json.dumps(content, indent=2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table with a header. Values are shown as they are, whatever they contain; empty cells as `-`."""
    cells = [[printable(cell) or "-" for cell in row] for row in rows]
    if sys.stdout.isatty():
        _show_rich(columns, cells)
    else:
        for line in aligned([[column.upper() for column in columns], *cells]):
            click.echo(line)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns start at the same place, two spaces after the widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def printable(text: str) -> str:
    """One line in which no character moves the cursor or changes a terminal's mode."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def counted(number: int, word: str) -> str:
    """`1 word`, `2 words`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def style(text: str, **look: str | bool) -> str:
    """Colour for a terminal; click takes it out again elsewhere."""
    return click.style(text, **look)  # type: ignore[arg-type]


def _show_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    headers = (Column(column, overflow="fold") for column in columns)  # a place that is cut short is none
    table = Table(*headers, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # as text: what documents say is not markup
    Console().print(table)


def create(path: Path, content: bytes, instead: str = "name another file", mode: int = 0o644) -> None:
    """A file that was not there. `instead`: what to do where it was. Raises `click.UsageError`."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise click.UsageError(f"{path} is there already; {instead}") from error
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
