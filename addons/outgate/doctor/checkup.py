"""Every check in its order, each with what it has to be given.

Owns that order, and that a check which fails says so and keeps none of the others from being made.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import outgate
from outgate.doctor import gate, machine, network
from outgate.doctor.cluster import cluster
from outgate.doctor.finding import Finding, note, wrong
from outgate.loading import setting_of
from outgate.netfilter import surroundings
from outgate.netfilter.backend import SEARCH, Backend, Unable
from outgate.netfilter.backend import installed as programs_for
from outgate.netfilter.installation import TABLES, holds
from outgate.netfilter.options import Family, Options
from outgate.netfilter.verify import verify
from outgate.settings import ListenMode, Settings

PIN = "mitmproxy=="


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: how the gate would be started here."""

    settings: Settings
    environ: Mapping[str, str]


type Check = Callable[[Patient], Iterable[Finding]]


def examine(patient: Patient) -> Iterator[Finding]:
    """The findings of every check. Tries connections where the redirect is installed, and asks the name servers."""
    for check in CHECKS:
        try:
            yield from list(check(patient))
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            what = f"this check failed: {type(error).__name__}: {error}"
            yield wrong(name, what, "report it; what it looks at is not known to be right")


def _program(patient: Patient) -> Iterator[Finding]:
    yield machine.python(tuple(sys.version_info[:3]))
    yield machine.mitmproxy(_version("mitmproxy"), _pinned())


def _surroundings(patient: Patient) -> Iterator[Finding]:
    files = Path(outgate.__file__).parent.rglob("*.py")
    yield machine.clock(time.time(), max(file.stat().st_mtime for file in files))
    yield machine.key_logs(patient.environ)
    yield machine.descriptors(_descriptors(), patient.settings.limits.connections)
    yield machine.loopback()
    yield machine.resolver(surroundings.resolvers())
    programs = {name: shutil.which(name, path=SEARCH) is not None for name in ("ip", "iptables")}
    yield machine.confinement(machine.user_namespace_refusal(), programs, platform.machine())


def _files(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    yield from gate.authority(settings.ca_certificate, settings.ca_key)
    yield from gate.roots(settings.upstream_ca)
    setting = setting_of(settings)
    yield from cluster(settings, setting) if settings.policy_from_cluster else gate.policy(settings.policy, setting)


def _redirect(patient: Patient) -> Iterator[Finding]:
    """Only transparent mode has one."""
    if patient.settings.mode is not ListenMode.TRANSPARENT:
        yield note("redirect", f"mode {patient.settings.mode} has none: who does not use the gate is not held by it")
        return
    effective = network.capabilities()
    yield network.privileges(os.geteuid(), effective)
    if not effective >> network.NET_ADMIN & 1:
        return
    ipv6 = surroundings.has_ipv6()
    for family in Family:
        complaints = {backend.name: backend.complaint() for backend in programs_for(family)}
        yield network.backends(family, complaints, family is Family.IPV4 or ipv6)
    everywhere = [backend for family in Family for backend in programs_for(family)]
    yield network.foreign(surroundings.foreign(everywhere))
    yield from _installed(patient, [backend for backend in everywhere if holds(backend)])


def _installed(patient: Patient, holding: list[Backend]) -> Iterator[Finding]:
    lines = [line for backend in holding for table in TABLES if backend.has(table) for line in backend.listing(table)]
    found = network.redirect(lines)
    yield network.installed(found, patient.settings.listen[1])
    if found is None or found.port is None:
        return
    yield network.gate_user(network.listeners(found.port), found)
    if os.geteuid() == 0:
        yield from _proven(network.Redirect(found.uid, found.port))


def _proven(found: network.Redirect) -> Iterator[Finding]:
    """By connections, to addresses where nobody is."""
    families = [Family.IPV4, Family.IPV6] if surroundings.has_ipv6() else [Family.IPV4]
    options = Options(uid=found.uid, listen_port=found.port or 0, uids=surroundings.uids())
    try:
        yield from network.bites(verify(options, families))
    except Unable as error:
        yield note("redirect", f"it could not be proven: {error}", "run outgate iptables verify where traffic leaves")


def _running(patient: Patient) -> Iterable[Finding]:
    return gate.admin(patient.settings.admin)


def _descriptors() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return -1 if limit == resource.RLIM_INFINITY else limit


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _pinned() -> str:
    """The version that outgate declares; empty where it runs from a checkout that is not installed."""
    try:
        declared = metadata.requires("outgate") or []
    except metadata.PackageNotFoundError:
        return ""
    return next((each.removeprefix(PIN) for each in declared if each.startswith(PIN)), "")


CHECKS: tuple[Check, ...] = (_program, _surroundings, _files, _redirect, _running)
