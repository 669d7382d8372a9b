"""Checks of the machine and the process: versions, clock, limits, variables, user namespaces, loopback, the resolver.

Owns what is good enough. Each function is given what it judges, but for those that try something out.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from outgate.doctor.finding import Finding, note, ok, wrong
from outgate.netfilter.options import Address
from outgate.sandbox import users
from outgate.sandbox.calls import MACHINES

PYTHON = (3, 12)
DAY = 86400.0
SPARE = 256
"""Descriptors for everything that is not a connection."""
PER_CONNECTION = 4
"""A client's, its copy, and the same towards the origin."""
KEY_LOGS = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")
PATIENCE = 2.0
"""Seconds for a resolver."""


def python(version: tuple[int, ...]) -> Finding:
    text = ".".join(map(str, version[:3]))
    if version < PYTHON:
        return wrong("python", f"this is Python {text}", f"use {PYTHON[0]}.{PYTHON[1]} or newer")
    return ok("python", text)


def mitmproxy(installed: str, wanted: str) -> Finding:
    """Empty: not installed, or not known."""
    if not installed:
        return wrong("mitmproxy", "it is not installed", f"install mitmproxy=={wanted or '12.2.3'}, or run make setup")
    if wanted and installed != wanted:
        what = f"{installed} is installed, and outgate is made for {wanted}, whose internals it builds on"
        return wrong("mitmproxy", what, f"install mitmproxy=={wanted}, or run make setup")
    return ok("mitmproxy", installed)


def key_logs(environ: Mapping[str, str]) -> Finding:
    if named := [name for name in KEY_LOGS if environ.get(name)]:
        what = f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} set, which writes session keys to a file"
        return wrong("key log", what, "unset it; the gate does not start with it")
    return ok("key log", "no variable asks for one")


def clock(now: float, newest: float) -> Finding:
    """`newest`: when the newest file of the program was made, which cannot be in the future."""
    shown = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    if now < newest - DAY:
        made = datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
        return wrong("clock", f"it is {shown} here, before this program was made ({made})", "set the system's clock")
    return ok("clock", shown)


def descriptors(limit: int, connections: int) -> Finding:
    """`limit`: how many this process may open, -1 for any number; the gate is started with the same."""
    needed = connections * PER_CONNECTION + SPARE
    if 0 <= limit < needed:
        what = f"{limit} files may be open, and {connections} connections need up to {needed}"
        return wrong("descriptors", what, f"raise it (ulimit -n {needed}), or lower the setting connections")
    return ok("descriptors", "any number may be open" if limit < 0 else f"{limit} may be open")


def confinement(refusal: str, programs: Mapping[str, bool], architecture: str) -> Finding:
    """What `outgate exec` alone needs. `refusal`: why no user namespace can be made; empty where one can."""
    check, beside = "outgate exec", "nothing else needs it"
    if missing := [name for name, there in programs.items() if not there]:
        return note(
            check, f"it cannot run: {' and '.join(missing)} is not here; {beside}", "install iproute2 and iptables"
        )
    if architecture not in MACHINES:
        return note(check, f"it cannot run on {architecture}; {beside}", "use --env-proxy, which forces nothing")
    if refusal:
        return note(check, f"it cannot run: user namespaces cannot be made ({refusal}); {beside}", users.advice())
    return ok(check, "it can run")


def user_namespace_refusal() -> str:
    """Why none can be made; empty where one can. Tried by a child, which ends in it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            users.enter_as_root()
            code = 0
        finally:
            os._exit(code)
    return "the kernel refuses" if os.waitpid(child, 0)[1] else ""


def loopback(address: str = "127.0.0.1") -> Finding:
    """REDIRECT sends what a local process dials there; sends nothing itself."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
            unsent.connect((address, 9))
    except OSError as error:
        return wrong("loopback", f"{address} is not reached: {error.strerror}", "ip link set lo up")
    return ok("loopback", "it is up")


def resolver(servers: Sequence[Address], port: int = 53) -> Finding:
    """Whether any name server answers. It is asked for the root, which tells nobody anything."""
    if not servers:
        return wrong("resolver", "/etc/resolv.conf names no server", "add a nameserver line")
    failures = {server: why for server in servers if (why := _silence(server, port))}
    if len(failures) == len(servers):
        told = "; ".join(f"{server} {why}" for server, why in failures.items())
        return wrong("resolver", f"no server answers: {told}", "correct /etc/resolv.conf, or open the way to port 53")
    if failures:
        told = "; ".join(f"{server} {why}" for server, why in failures.items())
        return note("resolver", f"not every server answers: {told}", "look-ups wait for it; correct /etc/resolv.conf")
    return ok("resolver", f"{', '.join(map(str, servers))} answers")


def _silence(server: Address, port: int) -> str:
    """Why there is no answer; empty where there is one."""
    query = secrets.token_bytes(2) + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack("!2H", 2, 1)
    family = socket.AF_INET if server.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE)
        try:
            asking.connect((str(server), port))
            asking.send(query)
            answered = asking.recv(4096)[:2] == query[:2]
        except TimeoutError:
            return f"is silent for {PATIENCE:g} s"
        except OSError as error:
            return "refuses" if error.errno == errno.ECONNREFUSED else f"is not reached ({error.strerror})"
    return "" if answered else "answers something else"
