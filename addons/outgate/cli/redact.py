"""`outgate redact`: what redaction makes of a file, to try rules before they are in force.

Owns the arguments, the report and the exit code. A file is taken for the body of one message; a HAR is exchanges. What
is taken, and what stands for it, is for `outgate.redact` to say.
"""

from __future__ import annotations

import mimetypes
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.har_reading import HarFile
from outgate.capture.told import Malformed
from outgate.cli import difference
from outgate.cli.output import STANDARD, aligned, printable
from outgate.cli.redacting import redactions_of, redactor_of
from outgate.policy.redaction_model import Matching, Mode, RedactionPolicy
from outgate.problems import PolicyError
from outgate.redact.exchange import Body, Exchange, Request, Response
from outgate.redact.redacted import TOO_LARGE, Redacted

DROPPED, UNREADABLE = 1, 2
HAR = ".har"
RUN = "redact"
HINTS = {TOO_LARGE: "; an EgressRedaction with maxBody takes larger ones"}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path, allow_dash=True))
@click.option(
    "--redaction",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Documents with EgressRedaction, or a directory.",
)
@click.option("--mode", type=click.Choice([str(each) for each in Mode]), help="Instead of what the documents say.")
@click.option("--media-type", metavar="TYPE", help="Instead of what the name of the file says.")
@click.option("--request", is_flag=True, help="It is the body of a request, not of an answer.")
@click.option("--diff", is_flag=True, help="Print what changes, not the result.")
@click.pass_context
def redact(
    ctx: click.Context,
    file: Path,
    redaction: Path | None,
    mode: str | None,
    media_type: str | None,
    request: bool,
    diff: bool,
) -> None:
    """Try redaction on a file: print what is left of it, and on standard error which rules took how much.

    FILE is a body of any media type, or a HAR; - is standard input, a body. Without --redaction the default rules hold.
    For a body every document holds, whatever it matches. Tokens are others each time, for each run has a key of its
    own.

    Exits 0 when the result is whole, 1 when a body had to be dropped, 2 when a file or a document cannot be used.
    """
    try:
        redactions = redactions_of(redaction, mode)
        is_har = file.suffix.lower() == HAR
        given = b"" if is_har else _given(file)
        kept = _exchanges(file, redactions) if is_har else [_body(file, given, redactions, media_type, request)]
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    if is_har and diff:
        _show(difference.of_har(file, kept))
    elif is_har:
        _write_har(kept)
    elif (content := _content(kept[0], request)) is not None and diff:
        _show(difference.of_body(file, given, content))
    elif content is not None:
        click.echo(content, nl=False)
    for line in _report(kept):
        click.echo(line, err=True)
    ctx.exit(DROPPED if any(each.manifest.dropped for each in kept) else 0)


def _given(file: Path) -> bytes:
    """Read once, for what comes through a pipe is there once."""
    return sys.stdin.buffer.read() if file == STANDARD else file.read_bytes()


def _body(
    file: Path, content: bytes, redactions: tuple[RedactionPolicy, ...], media_type: str | None, request: bool
) -> Redacted:
    kind, packed = mimetypes.guess_type(file.name)
    kind = media_type or ("application/gzip" if packed == "gzip" else kind) or ""
    fields = ((b"content-type", kind.encode("latin-1", "replace")),) if kind else ()
    body = Body(content, decoded=True, size=len(content))
    asked = Request("POST" if request else "GET", "https", "localhost", 443, "/")
    exchange = Exchange(
        "1",
        0.0,
        replace(asked, fields=fields, body=body) if request else asked,
        Response(200, "OK") if request else Response(200, "OK", fields=fields, body=body),
    )
    return redactor_of(tuple(replace(each, matching=Matching()) for each in redactions), RUN).redact(exchange)


def _content(kept: Redacted, request: bool) -> bytes | None:
    """The body that was tried; None where it was dropped."""
    message = kept.exchange.request if request else kept.exchange.response
    return message.body.content if message is not None else None


def _exchanges(file: Path, redactions: tuple[RedactionPolicy, ...]) -> list[Redacted]:
    redactor, har = redactor_of(redactions, RUN), HarFile(file)
    try:
        kept = [redactor.redact(imported.exchange) for imported in har]
    except Malformed as error:
        raise click.UsageError(f'"{file}" cannot be read: {error}') from error
    for problem in har.problems:
        click.echo(printable(problem), err=True)
    return kept


def _write_har(kept: Iterable[Redacted]) -> None:
    writer = HarWriter(sys.stdout.buffer)
    for each in kept:
        writer.write(each)
    writer.close()


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _report(kept: Iterable[Redacted]) -> Iterator[str]:
    """Rules, strategies and in how many places each took something. No value stands in it."""
    marks: Counter[tuple[str, str]] = Counter()
    dropped: Counter[tuple[str, str]] = Counter()
    for each in kept:
        marks.update((mark.rule, str(mark.strategy)) for mark in each.manifest.marks)
        dropped.update(each.manifest.dropped)
    if marks:
        rows = [(*key, str(count)) for key, count in sorted(marks.items())]
        yield from map(printable, aligned([("RULE", "STRATEGY", "PLACES"), *rows]))
    elif not dropped:
        yield "nothing is taken"
    for (where, why), count in sorted(dropped.items()):
        what = f"dropped: {where} is {why.replace('_', ' ')}{HINTS.get(why, '')}"
        yield printable(what + (f" ({count} times)" if count > 1 else ""))
