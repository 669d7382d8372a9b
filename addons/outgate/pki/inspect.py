"""`outgate certs inspect`: reads certificate and key files, and says what they are and what is wrong with them.

`examine` is pure; `inspect` finds the files and hands them over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePath

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from outgate.pki import facts, files, findings, pem, profile
from outgate.pki.facts import CertificateFact, KeyFact
from outgate.pki.files import Held
from outgate.pki.findings import Located
from outgate.pki.problem import Unreadable
from outgate.pki.roots import system_roots
from outgate.problems import Problem, Severity, Where

CERTIFICATE_SUFFIXES = (".crt", ".pem", ".cer")
_SUFFIXES = (*CERTIFICATE_SUFFIXES, ".key")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in the order of the files."""

    certificates: tuple[CertificateFact, ...]
    keys: tuple[KeyFact, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Key:
    where: Where
    held: Held
    public: PublicKeyTypes


@dataclass(slots=True)
class _Parsed:
    certificates: list[Located] = field(default_factory=list)
    keys: list[_Key] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def inspect(
    paths: Sequence[Path], *, within: timedelta | None = None, clock: Callable[[], float] = time.time
) -> Report:
    """Examine files, and the certificate and key files directly in directories. Raises Unreadable.

    A certificate file named by itself brings the key beside it, and its issuers may stand in the same directory.
    """
    chosen = {file: files.read(file) for path in paths for file in _files(path)}
    near = {file: held for path in paths if not path.is_dir() for file, held in _readable(path.parent)}
    beside = [held for file, held in near.items() if file not in chosen]
    return examine([*chosen.values()], now=profile.moment(clock()), within=within, beside=beside, roots=_roots())


def examine(
    held: Sequence[Held],
    *,
    now: datetime,
    within: timedelta | None = None,
    beside: Sequence[Held] = (),
    roots: Sequence[x509.Certificate] = (),
) -> Report:
    """Report on `held`. Issuers are looked for in the file, then in all of `held`, in `beside` and among `roots`."""
    parsed = _parse(held)
    others = [*parsed.certificates, *_parse(beside).certificates]
    pairs = [(key, _partner(key, parsed.certificates)) for key in parsed.keys]
    problems = [
        *parsed.problems,
        *(p for item in parsed.certificates for p in _certificate_problems(item, others, roots, now, within)),
        *(p for key, partner in pairs for p in _key_problems(key, partner, parsed.certificates)),
    ]
    return Report(
        tuple(_certificate_fact(item, pairs, now) for item in parsed.certificates),
        tuple(_key_fact(key, partner) for key, partner in pairs),
        tuple(sorted(problems, key=lambda problem: problem.where)),
    )


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = [file for file in _entries(path) if file.suffix in _SUFFIXES and file.is_file()]
        if not found:
            raise Unreadable(path, f"holds no {', '.join(_SUFFIXES)} file", "run outgate certs init, or name a file")
        yield from found
        return
    yield path
    key = path.with_suffix(".key")
    if path.suffix in CERTIFICATE_SUFFIXES and key.is_file():
        yield key


def _readable(directory: Path) -> Iterator[tuple[Path, Held]]:
    """The certificate files of a directory that can be read; nobody asked for them, so the others are no problem."""
    for file in _entries(directory):
        if file.suffix in CERTIFICATE_SUFFIXES and file.is_file():
            try:
                yield file, files.read(file)
            except Unreadable:
                continue


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        raise Unreadable(directory, "cannot be listed", "check the path and its mode") from error


def _roots() -> list[x509.Certificate]:
    try:
        return system_roots()
    except Unreadable:
        return []  # a machine without roots: only chains that need one of them are then incomplete


def _parse(held: Sequence[Held]) -> _Parsed:
    parsed = _Parsed()
    for file in held:
        before = len(parsed.certificates) + len(parsed.keys) + len(parsed.problems)
        for block in pem.blocks(file):
            try:
                if block.is_certificate:
                    parsed.certificates.append(Located(block.where, pem.certificate(block)))
                elif block.is_key:
                    parsed.keys.append(_Key(block.where, file, pem.private_key(block).public_key()))
            except Unreadable as error:
                parsed.problems.append(error.problem)
        if before == len(parsed.certificates) + len(parsed.keys) + len(parsed.problems):
            what = "holds neither a PEM certificate nor a key"
            parsed.problems.append(Problem(Where(file.path), what, "remove or replace it"))
    return parsed


def _partner(key: _Key, certificates: Sequence[Located]) -> Located | None:
    """The certificate a key is meant for: the first in its file, or in the file of its name, or any that fits."""
    path = PurePath(key.where.file)
    meant = [path, *(path.with_suffix(suffix) for suffix in CERTIFICATE_SUFFIXES)]
    named = [item for file in meant for item in certificates if PurePath(item.where.file) == file]
    return next(iter(named), None) or next((c for c in certificates if c.certificate.public_key() == key.public), None)


def _fits(key: _Key, partner: Located) -> bool:
    return partner.certificate.public_key() == key.public


def _certificate_fact(item: Located, pairs: Sequence[tuple[_Key, Located | None]], now: datetime) -> CertificateFact:
    for key, partner in pairs:
        if partner is item:
            return facts.of_certificate(item.certificate, item.where, now, key.where.file, _fits(key, partner))
    return facts.of_certificate(item.certificate, item.where, now)


def _key_fact(key: _Key, partner: Located | None) -> KeyFact:
    if partner is None:
        return facts.of_key(key.public, key.where, key.held)
    return facts.of_key(key.public, key.where, key.held, partner.where.file, _fits(key, partner))


def _certificate_problems(
    item: Located,
    others: Sequence[Located],
    roots: Sequence[x509.Certificate],
    now: datetime,
    within: timedelta | None,
) -> Iterator[Problem]:
    if problem := findings.validity(item, now, within):
        yield problem
    yield from findings.strictness(item)
    same = [other for other in others if other.where.file == item.where.file]
    if problem := findings.chain(item, same, others, roots):
        yield problem


def _key_problems(key: _Key, partner: Located | None, certificates: Sequence[Located]) -> Iterator[Problem]:
    if problem := files.mode_problem(key.held):
        yield problem
    if partner and not _fits(key, partner):
        yield Problem(key.where, f"the private key does not belong to {partner.where.file}", "put the pair together")
    if not partner and certificates:
        what = "the private key belongs to no certificate inspected"
        yield Problem(key.where, what, "inspect its certificate as well, or remove the key", Severity.WARNING)
