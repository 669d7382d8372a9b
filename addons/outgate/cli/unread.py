"""What could not be read of a capture, in a few lines: in a file of another kind each line is a problem.

Owns how many are shown. What they say is the reader's.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from outgate.cli.output import counted, printable

LISTED = 20
OTHERS = "; of HAR and of mitmproxy's flows, outgate export -f ndjson makes some"
"""For what reads nothing but records."""


def warn(problems: Sequence[str]) -> None:
    for problem in problems[:LISTED]:
        click.echo(f"warning: {printable(problem)}", err=True)
    if len(problems) > LISTED:
        click.echo(f"warning: {counted(len(problems) - LISTED, 'problem')} more", err=True)
