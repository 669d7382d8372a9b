"""`outgate export`: a capture in the format of another program.

Owns the arguments, the file that appears only when it is whole and was looked at again, and the report. The formats are
`outgate.capture.formats`'s.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import click

from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.hoverfly import SimulationWriter
from outgate.capture.formats.ndjson import LineWriter
from outgate.capture.formats.reading import Source
from outgate.capture.formats.stubs import StubWriter
from outgate.capture.formats.vcr import CassetteWriter
from outgate.capture.formats.wiremock import MappingWriter, is_export
from outgate.capture.formats.writing import Writer
from outgate.capture.leaks.check import Check
from outgate.capture.leaks.values import Values
from outgate.capture.report import Report
from outgate.capture.told import Malformed
from outgate.cli.looking_twice import check_of, look
from outgate.cli.output import aligned, counted, printable, unless_standard
from outgate.cli.progress import shown
from outgate.cli.redacting import redactions_of, redactor_of
from outgate.cli.tidily import tidily
from outgate.cli.unread import warn
from outgate.policy.redaction_model import Mode, RedactionPolicy
from outgate.problems import PolicyError
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Redacted

UNREADABLE = 2
WIREMOCK = "wiremock"
PART = ".part"
RUN = "export"


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
    callback=unless_standard,
    metavar="OUT",
    help="The file, or for wiremock the folder, to write.  [default: standard output]",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option(
    "--redaction",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Documents with EgressRedaction, or a directory, by which it is redacted once more.",
)
@click.option(
    "--mode",
    type=click.Choice([str(each) for each in Mode]),
    help="Redact it once more, in this mode whatever the documents say.",
)
@click.pass_context
def export(
    ctx: click.Context,
    capture: Path,
    form: str,
    output: Path | None,
    force: bool,
    redaction: Path | None,
    mode: str | None,
) -> None:
    """Write a capture in a format that test suites use.

    CAPTURE is a file of records, the folder that a gate writes them to, also while it does, HAR, or flows of mitmproxy.
    Records were redacted before they were kept; --redaction and --mode redact them once more, with tokens that no other
    export has, and what others have written always is. The finished file is then read again, with other eyes: where a
    secret stands in it in any encoding, nothing is written. Standard error tells what was written, what the format has
    no place for, and how often each rule had replaced something.

    Exits 0, 1 where something leaks or the file cannot be written, or 2 when nothing can be read.
    """
    _check(form, output, force)
    redactions = _redactions(ctx, redaction, mode)
    values, report = Values(), Report()
    source = _source(capture, redactions, values)
    check = check_of(form, values, redactions)
    with tidily(), _place(output) as place:
        try:
            with _writer(form, place) as (writer, end):
                _copy(source, writer, report, check, end)
        except Malformed as error:
            click.echo(printable(f"{capture} cannot be read: {error}"), err=True)
            ctx.exit(UNREADABLE)
        if not report.read:
            warn(source.problems)
            click.echo(f"{capture} holds no records", err=True)
            ctx.exit(UNREADABLE)
        look(check, place)
    warn(source.problems)
    _tell(report, form, output)


def _redactions(ctx: click.Context, path: Path | None, mode: str | None) -> tuple[RedactionPolicy, ...] | None:
    """None: nothing more is wanted than was done."""
    try:
        return redactions_of(path, mode) if path is not None or mode is not None else None
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)


class Kept:
    """What is exported of a source: what was redacted as it is, or once more, and the rest redacted."""

    def __init__(self, source: Source, redactor: Redactor, *, again: bool) -> None:
        self._source, self._redactor, self._again = source, redactor, again

    @property
    def problems(self) -> list[str]:
        return self._source.problems

    def __iter__(self) -> Iterator[Redacted]:
        for each in self._source:
            if isinstance(each, Redacted) and not self._again:
                yield each
            else:
                yield self._redactor.redact(each.exchange, each.manifest)


def _source(capture: Path, redactions: tuple[RedactionPolicy, ...] | None, values: Values) -> Kept:
    from outgate.replaying import source  # what it loads, few others need

    redactor = redactor_of(redactions or redactions_of(None, None), RUN, values.add)
    return Kept(source(capture), redactor, again=redactions is not None)


def _check(form: str, output: Path | None, force: bool) -> None:
    if output is None and form == WIREMOCK:
        raise click.UsageError("WireMock's mappings are a folder; name it with -o")
    if output is None and form == "flow" and sys.stdout.isatty():
        raise click.UsageError("flows are not for a terminal; name a file with -o")
    if output is None or not output.exists():
        return
    if output.is_dir():
        _check_folder(form, output, force)
    elif not force:
        raise click.UsageError(f"{output} exists; --force overwrites it")


def _check_folder(form: str, output: Path, force: bool) -> None:
    """Of folders, none is overwritten but one that another export has made."""
    if form != WIREMOCK:
        raise click.UsageError(f"{output} is a folder; name a file in it")
    if not is_export(output):
        raise click.UsageError(f"{output} holds other things than an export; name another folder")
    if not force and any(output.iterdir()):
        raise click.UsageError(f"{output} exists; --force overwrites it")


@contextmanager
def _place(output: Path | None) -> Iterator[Path]:
    """Where to write: beside the place where it appears when all went well."""
    if output is None:
        with tempfile.TemporaryDirectory(prefix="outgate-export-") as folder:
            yield (part := Path(folder) / PART)
            with part.open("rb") as whole:
                shutil.copyfileobj(whole, sys.stdout.buffer)
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
def _writer(form: str, place: Path) -> Iterator[tuple[Writer, Callable[[], int]]]:
    """And what tells how much of the file is there."""
    if form == WIREMOCK:
        place.mkdir()
        with closing(MappingWriter(place)) as mappings:
            yield mappings, lambda: 0
        return
    with place.open("wb") as out, closing(FORMATS[form](out)) as writer:
        yield writer, out.tell


def _copy(source: Kept, writer: Writer, report: Report, check: Check, end: Callable[[], int]) -> None:
    if isinstance(writer, StubWriter):
        for kept in shown(source, "exchanges counted"):
            writer.count(kept)
    check.begin(end())
    for number, kept in enumerate(shown(source, "exchanges written"), 1):
        why = writer.write(kept)
        report.add(kept, why)
        if not why:
            check.wrote(number, kept.manifest, end())


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
