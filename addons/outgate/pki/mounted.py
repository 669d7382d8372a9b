"""The certificates that a gate works with: its CA, those it presents to origins, those it trusts there.

Owns which files these are, as the policy names them, and who uses each. What a file says is `inspect`'s; keys are
compared with their certificates and never told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from outgate.pki import files
from outgate.pki.inspect import inspect
from outgate.pki.problem import CertificateProblem
from outgate.policy.model import Destination, UpstreamTLS


class Role(StrEnum):
    """What a file is for."""

    AUTHORITY = "authority"
    """Workloads trust it."""
    CLIENT = "client"
    """Presented to origins."""
    TRUST = "trust"
    """Origins have to prove themselves under it."""


type Uses = dict[tuple[Path, Role], list[str]]


def mounted(authority: Path, roots: Iterable[Path], destinations: Iterable[Destination]) -> dict[str, Any]:
    """What each file holds, who uses it, and what is wrong, as data. Reads files: not for the event loop."""
    uses: Uses = {(authority, Role.AUTHORITY): []}
    uses |= {(path, Role.TRUST): [] for path in roots}
    for destination in destinations:
        for path, role in _named(destination):
            keys = uses.setdefault((path, role), [])
            if destination.key not in keys:
                keys.append(destination.key)
    found, problems = _told({path for path, _ in uses})
    certificates = [
        {"role": str(role), "file": str(path), "destinations": keys, **told}
        for (path, role), keys in uses.items()
        for told in found.get(str(path), ())
    ]
    return {"certificates": certificates, "problems": problems}


def _named(destination: Destination) -> Iterator[tuple[Path, Role]]:
    """The files of a destination, by what they are for."""
    for port in destination.ports:
        for tls in (port.upstream.tls, port.tls):
            if tls is not None:
                yield from _files(tls)


def _files(tls: UpstreamTLS) -> Iterator[tuple[Path, Role]]:
    if tls.client_certificate is not None:
        yield Path(tls.client_certificate), Role.CLIENT
    if tls.ca is not None:
        yield Path(tls.ca), Role.TRUST


def _told(paths: Iterable[Path]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """What files hold, by file, and what is wrong with any of them."""
    readable, problems = [], []
    for path in sorted(paths):
        try:
            files.read(path)
            readable.append(path)
        except CertificateProblem as error:
            problems.append(str(error))
    report = inspect(readable)  # all at once: each time the system's roots are read
    found: dict[str, list[dict[str, Any]]] = {}
    for fact in report.certificates:
        found.setdefault(fact.where.file, []).append(_plain(asdict(fact)))
    return found, [*problems, *map(str, report.problems)]


def _plain(fact: dict[str, Any]) -> dict[str, Any]:
    where = fact.pop("where")
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fact.items()}
    return told | {"line": where["line"]}
