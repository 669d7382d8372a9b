"""`outgate learn`: the smallest registry that allows what a capture or an access log holds.

Owns the arguments, where it is written, and what is told of what is left out. What is proposed is `outgate.learning`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import orjson

from outgate.capture.reading import MAGIC, Capture
from outgate.capture.record import SCHEMA
from outgate.cli.options import read, settings_of
from outgate.cli.output import counted, create, printable, unless_standard
from outgate.cli.progress import shown
from outgate.cli.unread import warn
from outgate.learning import native
from outgate.learning.captured import seen
from outgate.learning.lacking import Lacking, lacking
from outgate.learning.logged import Log
from outgate.learning.places import Places
from outgate.learning.proposal import To, text
from outgate.learning.seen import Seen
from outgate.learning.services import Service, services
from outgate.loading import setting_of
from outgate.policy.cases import sources
from outgate.policy.compile import load
from outgate.policy.snapshot import Policy
from outgate.problems import PolicyError

UNREADABLE = 2
FILE = "90-learned.yaml"
LISTED = 100
"""Places that are listed as left out."""


@dataclass(slots=True)
class Source:
    """What is read, and what is told of what could not be."""

    path: Path
    problems: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Seen | None]:
        if _is_capture(self.path):
            capture = Capture(self.path)
            yield from (seen(kept.exchange) for kept in capture)
            self.problems = capture.problems
            return
        log = Log()
        with self.path.open("rb") as file:
            yield from log.read(file)
        if log.strange:
            self.problems = [f"{counted(log.strange, 'line')} of no access log that is known"]


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="CAPTURE|ACCESSLOG")
@click.option(
    "--merge",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="A policy: propose only what it does not allow. May be repeated.",
)
@click.option(
    "--to", type=click.Choice([str(each) for each in To]), default="native", show_default=True, help="Whose kinds."
)
@click.option("--callers", is_flag=True, help="Allow it only to who was seen to use it. Not with --merge.")
@click.option(
    "--wildcards",
    type=click.IntRange(2),
    metavar="N",
    help="From N hosts below one domain on, a wildcard stands for them.",
)
@click.option(
    "--include-denied",
    is_flag=True,
    help="Propose malformed, metadata and private destinations, too, where they have a name.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    callback=unless_standard,
    metavar="OUT",
    help=f"A file that is not there yet, or a directory that gets one, {FILE}.  [default: standard output]",
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting, such as gate_namespace=egress. May be repeated; OUTGATE_KEY variables count too.",
)
@click.pass_context
def learn(
    ctx: click.Context,
    source: Path,
    merge: tuple[Path, ...],
    to: str,
    callers: bool,
    wildcards: int | None,
    include_denied: bool,
    output: Path | None,
    pairs: tuple[str, ...],
) -> None:
    """Propose the smallest set of destinations that allows what was observed.

    It is read of a capture, or of an access log: outgate's own, or Envoy's and Istio's in their default formats, as
    text or JSON. Every proposal says what it is for; what should be looked at by a person first is left out, and listed
    on standard error.

    Exits 0, or 2 when nothing can be read or written.
    """
    if callers and merge:
        raise click.UsageError("--callers is an ALLOW rule, which denies all that it does not name; leave out --merge")
    try:
        policy = _policy(merge, pairs)
    except PolicyError as error:
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    places = _places(Source(source), include_denied)
    if not places.seen:
        click.echo(f"{source} tells of nothing that was tried", err=True)
        ctx.exit(UNREADABLE)
    found = lacking(list(places.places.values()), policy)
    made = services(found.places, _taken(policy), narrow=callers, wildcards=wildcards or 0)
    if made or policy is None:
        root = read(pairs).gate.root_namespace
        _write(text(made, To(to), root, whole=policy is None, narrow=callers), output)
    _tell(places, found, made)


def _policy(paths: Sequence[Path], pairs: Sequence[str]) -> Policy | None:
    if not paths:
        return None
    settings = settings_of(paths, None, pairs)
    return load(settings.policy, setting_of(settings))


def _taken(policy: Policy | None) -> set[str]:
    """Names of documents that are there."""
    return {native.CALLERS} | ({source.name for source in sources(policy)} if policy is not None else set())


def _is_capture(path: Path) -> bool:
    """Folders, what is compressed, and what begins with a record."""
    if path.is_dir():
        return True
    with path.open("rb") as file:
        begins = file.readline()
    if begins.startswith(MAGIC):
        return True
    try:
        told = orjson.loads(begins)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("schema") == SCHEMA


def _places(source: Source, include_denied: bool) -> Places:
    places = Places(include_denied)
    for each in shown(source, "attempts read"):
        if each is not None:
            places.add(each)
    warn(source.problems)
    return places


def _write(content: str, output: Path | None) -> None:
    """Never over anything."""
    if output is None:
        click.echo(content, nl=False)
        return
    path = _free(output) if output.is_dir() else output
    create(path, content.encode(), "name another file, or a directory")
    click.echo(f"written to {path}", err=True)


def _free(folder: Path) -> Path:
    """A file in a folder that is not there yet."""
    stem, suffix = FILE.split(".")
    number, path = 1, folder / FILE
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.{suffix}"
    return path


def _tell(places: Places, found: Lacking, made: Sequence[Service]) -> None:
    known = f", {found.known} allowed already" if found.known else ""
    told = f"{counted(places.seen, 'attempt')} at {counted(len(places.places), 'place')}{known}"
    click.echo(f"{told}: {counted(len(made), 'destination')} proposed", err=True)
    left_out = [(*each, number) for each, number in places.left_out.most_common()]
    left_out += [(*each, 0) for each in found.left_out]
    for where, why, number in left_out[:LISTED]:
        click.echo(printable(f"left out: {where}: {why}" + (f" ({number} times)" if number > 1 else "")), err=True)
    if len(left_out) > LISTED:
        click.echo(f"left out: {len(left_out) - LISTED} more", err=True)
    if places.beyond:
        click.echo(f"warning: {counted(places.beyond, 'attempt')} went to more places than are told apart", err=True)
