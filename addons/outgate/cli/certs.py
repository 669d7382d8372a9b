"""`outgate certs`: makes, issues, inspects and bundles certificates. Owns words and exit codes, not the work.

What needs `cryptography` is imported inside the command that needs it: loading it costs more than most commands do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outgate.cli import providing
from outgate.pki.problem import CertificateProblem, Exists, Unreadable

if TYPE_CHECKING:
    from outgate.pki.authority import Authority
    from outgate.pki.facts import CertificateFact
    from outgate.pki.inspect import Report

_FOUND, _USAGE = 1, 2
_PATH = click.Path(path_type=Path)
_days = click.IntRange(1, 3650)
_directory = click.option(
    "--dir", "directory", type=_PATH, default="certs", show_default=True, help="The authority's directory."
)
_force = click.option("--force", is_flag=True, help="Overwrite what is there.")


@click.group()
def certs() -> None:
    """Certificates: an authority for workloads to trust, what it issues, what is mounted, trust bundles."""


@certs.command()
@_directory
@click.option("--name", default="outgate development CA", show_default=True, help="The authority's common name.")
@click.option("--days", type=_days, default=365, show_default=True)
@click.option("--permit", multiple=True, metavar="DNS", help="Sign only this name and all below it. May be repeated.")
@_force
def init(directory: Path, name: str, days: int, permit: tuple[str, ...], force: bool) -> None:
    """Make an authority: an EC P-256 certificate and its key, mode 0600."""
    with _answered():
        from outgate.pki.authority import create_authority, save_authority

        authority = create_authority(name, days, permit)
        certificate, key = save_authority(authority, directory, overwrite=force)
    scope = ", ".join(permit) + " and all below" if permit else "any name; --permit DNS would limit it"
    click.echo(f"{certificate}: valid until {authority.end:%Y-%m-%d}, signs {scope}")
    click.echo(f"{key}: its key, mode 0600; keep it from workloads and from version control")


@certs.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--server", "kind", flag_value="server", default="server", help="For a server (the default).")
@click.option("--client", "kind", flag_value="client", help="For a client.")
@click.option("--uri", "uris", multiple=True, help="A URI to include, such as a SPIFFE ID. May be repeated.")
@click.option("--days", type=_days, default=90, show_default=True, help="At most the authority's own life.")
@click.option("--out", type=_PATH, help="Where to write; the authority's directory by default.")
@_directory
@_force
def issue(
    names: tuple[str, ...],
    kind: str,
    uris: tuple[str, ...],
    days: int,
    out: Path | None,
    directory: Path,
    force: bool,
) -> None:
    """Issue a certificate for DNS names, IP addresses or URIs. Its files take the first name."""
    with _answered():
        from outgate.pki import issue as issuing
        from outgate.pki.names import uri

        authority = _authority(directory)
        wanted = [*names, *(uri(text).value for text in uris)]
        issued = issuing.issue(authority, issuing.Kind(kind), wanted, days)
        stem = issuing.stem(wanted[0])
        certificate, key = issuing.save_issued(issued, out or directory, stem, overwrite=force)
    click.echo(f"{certificate}: {kind} certificate for {', '.join(wanted)}")
    click.echo(f"{key}: its key, mode 0600")


@certs.command()
@click.argument("paths", nargs=-1, type=_PATH, metavar="[PATH...]")
@click.option("--within", type=click.IntRange(0), metavar="DAYS", help="Report what expires within so many days.")
@click.option("-o", "--output", type=click.Choice(["json"]), help="Print one JSON document.")
def inspect(paths: tuple[Path, ...], within: int | None, output: str | None) -> None:
    """Say what certificates and keys are, when they expire and what is wrong with them. Exits 1 on problems.

    Takes files and directories, `certs` by default. Without --within, the last two weeks of a certificate are reported,
    or the last third of a life shorter than six weeks.
    """
    with _answered():
        from outgate.pki.inspect import inspect as survey

        period = None if within is None else timedelta(days=within)
        report = survey(paths or (Path("certs"),), within=period)
    if output == "json":
        click.echo(json.dumps(asdict(report), default=_plain, indent=2))
    else:
        _show(report)
    if report.problems:
        sys.exit(_FOUND)


@certs.command()
@_directory
@click.option("--out", type=_PATH, help="Where to write; `bundle` in the authority's directory by default.")
@click.option("--format", "form", type=click.Choice(["pem", "pkcs12", "env", "all"]), default="all", show_default=True)
@click.option("--roots", type=_PATH, metavar="FILE", help="PEM roots to merge instead of the system's.")
@click.option("--also", type=_PATH, metavar="FILE", help="PEM of the authority before or after it, if there is one.")
def bundle(directory: Path, out: Path | None, form: str, roots: Path | None, also: Path | None) -> None:
    """Write what makes programs trust the authority beside the system's roots. Certificates only, never a key."""
    with _answered():
        target = out or directory / "bundle"
        if form != "env":
            _list(_write_bundles(directory, target, form, roots, also))
        if form in {"env", "all"}:
            _list(_write_environment(target))


def _write_bundles(directory: Path, target: Path, form: str, roots: Path | None, also: Path | None) -> Iterator[Path]:
    from outgate.pki import bundle as bundles
    from outgate.pki.authority import CERTIFICATE_FILE
    from outgate.pki.roots import read_roots, system_roots

    ours = bundles.read_anchors(directory / CERTIFICATE_FILE)
    if also is not None and also.exists():
        ours += bundles.read_anchors(also)
    anchors = bundles.merge(ours, read_roots(roots) if roots else system_roots())
    if form in {"pem", "all"}:
        yield from bundles.write_pem(target, ours, anchors)
    if form in {"pkcs12", "all"}:
        yield from bundles.write_truststore(target, anchors)


def _write_environment(target: Path) -> list[Path]:
    from outgate.pki.environment import variables, write_environment

    if not variables(target):
        raise Unreadable(target, "holds no bundle to list variables for", "run outgate certs bundle --format all")
    return write_environment(target)


def _authority(directory: Path) -> Authority:
    from outgate.pki.authority import CERTIFICATE_FILE, KEY_FILE, load_authority

    authority = load_authority(directory / CERTIFICATE_FILE, directory / KEY_FILE)
    for warning in authority.warnings:
        click.echo(f"warning: {warning}", err=True)
    return authority


@contextmanager
def _answered() -> Iterator[None]:
    """Turn a problem into its line on stderr and the exit code that belongs to it."""
    try:
        yield
    except CertificateProblem as error:
        click.echo(str(error), err=True)
        sys.exit(_USAGE if isinstance(error, Unreadable | Exists) else _FOUND)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _list(paths: Iterable[Path]) -> None:
    for path in paths:
        click.echo(str(path))


def _show(report: Report) -> None:
    if sys.stdout.isatty():
        _show_table(report)
    else:
        for fact in report.certificates:
            click.echo(f"{fact.where}: {_subject(fact)}")
            for label, value in _details(fact):
                click.echo(f"    {label:<12}{value}")
    for problem in report.problems:
        click.echo(f"{problem.severity}: {problem}")


def _show_table(report: Report) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table("certificate", Column("facts", overflow="fold"), show_lines=True)
    for fact in report.certificates:
        details = "\n".join(f"{label:<12}{value}" for label, value in _details(fact))
        table.add_row(Text(f"{_subject(fact)}\n{fact.where}"), Text(details))  # as text: names are not markup
    Console().print(table)


def _subject(fact: CertificateFact) -> str:
    return fact.subject or ", ".join(fact.names) or "no subject"


def _details(fact: CertificateFact) -> Iterator[tuple[str, str]]:
    if fact.names:
        yield "names", ", ".join(fact.names)
    yield "issuer", fact.issuer
    yield "valid", f"{fact.not_before:%Y-%m-%d} to {fact.not_after:%Y-%m-%d} ({fact.days_left} days left)"
    kind = f"{fact.key_type}, authority" if fact.is_ca else fact.key_type
    yield "key", kind if fact.key is None else f"{kind}; {fact.key} {'fits' if fact.key_matches else 'does not fit'}"
    for label, names in (("permits", fact.permitted), ("excludes", fact.excluded)):
        if names:
            yield label, ", ".join(names)
    yield "sha256", fact.fingerprint


def _plain(value: object) -> Any:
    """What JSON has no form for: dates."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


for command in providing.COMMANDS:
    certs.add_command(command)
