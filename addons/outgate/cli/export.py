"""`outgate export`: a capture in the format of another program.

Owns the arguments, the file that appears only when it is whole, and the report. What is exported was redacted before it
was kept; the formats are `outgate.capture.formats`'s.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import IO, BinaryIO

import click

from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.hoverfly import SimulationWriter
from outgate.capture.formats.ndjson import LineWriter
from outgate.capture.formats.stubs import StubWriter
from outgate.capture.formats.vcr import CassetteWriter
from outgate.capture.formats.wiremock import MappingWriter
from outgate.capture.formats.writing import Writer
from outgate.capture.reading import Capture
from outgate.capture.report import Report
from outgate.cli.output import aligned, counted, printable
from outgate.cli.progress import shown

UNREADABLE = 2
WIREMOCK = "wiremock"
PART = ".part"


def _flows(out: IO[bytes]) -> Writer:
    from outgate.proxy.flowfile import FlowFileWriter  # no other format needs mitmproxy

    return FlowFileWriter(out)


FORMATS: Mapping[str, Callable[[IO[bytes]], Writer]] = {
    "har": HarWriter,
    "flow": _flows,
    "vcr": CassetteWriter,
    "hoverfly": SimulationWriter,
    "ndjson": LineWriter,
}
"""Those that are one file."""


@click.command()
@click.argument("capture", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice([*FORMATS, WIREMOCK]),
    default="har",
    show_default=True,
    help="HAR 1.2, mitmproxy flows, a VCR.py cassette, a Hoverfly simulation, plain records, or WireMock mappings.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="The file, or for wiremock the folder, to write.  [default: standard output]",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.pass_context
def export(ctx: click.Context, capture: Path, form: str, output: Path | None, force: bool) -> None:
    """Write a capture in a format that test suites use.

    CAPTURE is a file of records, or the folder that a gate writes them to, also while it does. What it holds was
    redacted before it was kept. The file appears when it is whole. Standard error tells what was written, what the
    format has no place for, and how often each rule had replaced something.

    Exits 0, or 2 when nothing can be read.
    """
    _check(form, output, force)
    source, report = Capture(capture), Report()
    with _place(output) as place, _writer(form, place) as writer:
        _copy(source, writer, report)
        if not report.read:
            _tell_problems(source)
            click.echo(f"{capture} holds no records", err=True)
            ctx.exit(UNREADABLE)
    _tell_problems(source)
    _tell(report, form, output)


def _check(form: str, output: Path | None, force: bool) -> None:
    if output is None and form == WIREMOCK:
        raise click.UsageError("WireMock's mappings are a folder; name it with -o")
    if output is None and form == "flow" and sys.stdout.isatty():
        raise click.UsageError("flows are not for a terminal; name a file with -o")
    if output is None or force:
        return
    if output.exists() and not (form == WIREMOCK and output.is_dir() and not any(output.iterdir())):
        raise click.UsageError(f"{output} exists; --force overwrites it")


@contextmanager
def _place(output: Path | None) -> Iterator[Path | None]:
    """Where to write: beside the place where it appears when all went well."""
    if output is None:
        yield None
        return
    part = output.with_name(output.name + PART)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        try:
            yield part
            _remove(output)
            part.rename(output)
        finally:
            _remove(part)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error}") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _writer(form: str, place: Path | None) -> Iterator[Writer]:
    if form == WIREMOCK:
        assert place is not None
        place.mkdir()
        with closing(MappingWriter(place)) as mappings:
            yield mappings
        return
    opened: AbstractContextManager[BinaryIO] = place.open("wb") if place is not None else nullcontext(sys.stdout.buffer)
    with opened as out, closing(FORMATS[form](out)) as writer:
        yield writer


def _copy(source: Capture, writer: Writer, report: Report) -> None:
    if isinstance(writer, StubWriter):
        for kept in shown(source, "exchanges counted"):
            writer.count(kept)
    for kept in shown(source, "exchanges written"):
        report.add(kept, writer.write(kept))


def _tell_problems(source: Capture) -> None:
    for problem in source.problems:
        click.echo(f"warning: {printable(problem)}", err=True)


def _tell(report: Report, form: str, output: Path | None) -> None:
    where = "" if output is None else f" to {output}"
    click.echo(f"{counted(report.written, 'exchange')} written as {form}{where}", err=True)
    for why, number in report.left_out.most_common():
        click.echo(f"{counted(number, 'exchange')} left out: {why}", err=True)
    rows = [(rule, strategy, str(number)) for (rule, strategy), number in report.marks.most_common()]
    rows += [(f"a body, {why}", "dropped", str(number)) for why, number in report.dropped.most_common()]
    if rows:
        for line in aligned([("RULE", "REPLACED BY", "COUNT"), *(tuple(map(printable, row)) for row in rows)]):
            click.echo(f"  {line}", err=True)
