"""How far a long command is, on a terminal: one line on standard error that is written over.

Owns the line and how often it is written. Elsewhere nothing is said.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

import click

EVERY = 0.2
"""Seconds."""


def shown[Item](items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, counted while they pass."""
    if not sys.stderr.isatty():
        yield from items
        return
    last = 0.0
    try:
        for number, item in enumerate(items, 1):
            yield item
            if (now := time.monotonic()) - last >= EVERY:
                last = now
                click.echo(f"\r{number:,} {what}\x1b[K", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)
