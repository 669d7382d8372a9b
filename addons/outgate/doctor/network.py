"""Checks of the redirect: what may be done here, which iptables there are, whether the rules are in and bite.

Owns what of it is wrong. The looking is `netfilter`'s; what is read from the rules is only what has to fit the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from outgate.doctor.finding import Finding, note, ok, wrong
from outgate.netfilter.options import Family
from outgate.netfilter.rules import OUTPUT
from outgate.netfilter.verify import Outcome, Result

NET_ADMIN = 12
LISTEN = "0A"
SOCKET = re.compile(r"\s*\d+: (?P<local>[0-9A-F]+:[0-9A-F]{4}) \S+ (?P<state>[0-9A-F]{2}) \S+ \S+ \S+ +(?P<uid>\d+) ")
"""A row of the kernel's table of TCP sockets."""
INSTALL = "run outgate iptables install, in a pod in an init container"
MODULES = "load the modules (modprobe nf_nat xt_REDIRECT xt_owner xt_conntrack), or use the other kind of iptables"


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the rules in place say: who is exempt, and where they turn connections to."""

    uid: int | None
    port: int | None


def privileges(uid: int, capabilities: int) -> Finding:
    if capabilities >> NET_ADMIN & 1:
        return ok("privileges", f"uid {uid} with NET_ADMIN")
    what = f"uid {uid} without NET_ADMIN: the redirect cannot be installed, looked at or verified from here"
    return note("privileges", what, "run it as root, in a pod in a container with NET_ADMIN")


def capabilities(status: Path = Path("/proc/self/status")) -> int:
    """The effective ones of this process."""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)", status.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    return int(match[1], 16) if match else 0


def backends(family: Family, complaints: Mapping[str, str], needed: bool) -> Finding:
    """`complaints`: by program, why the kernel does not answer it; empty where it does."""
    check = f"iptables {family}"
    if working := [name for name, why in complaints.items() if not why]:
        return ok(check, f"{' and '.join(working)} {'works' if len(working) == 1 else 'work'}")
    what = "; ".join(complaints.values()) or "there is no program for it"
    if not needed:
        return note(check, f"{what}; there is no address of this family to guard")
    return wrong(check, what, MODULES if complaints else "install iptables")


def foreign(meshes: Sequence[str]) -> Finding:
    if meshes:
        what = f"another redirect is in place: {', '.join(meshes)}"
        return wrong("other redirects", what, "take this workload out of that mesh; two redirects starve each other")
    return ok("other redirects", "there is none")


def redirect(listing: Sequence[str]) -> Redirect | None:
    """What the lines of the tables say; None where no rule of ours is among them."""
    if not any(OUTPUT in line for line in listing):
        return None
    exempt = _number(r"--uid-owner (\d+) -j RETURN", listing)
    return Redirect(exempt, _number(r"-j REDIRECT --to-ports (\d+)", listing))


def _number(pattern: str, lines: Sequence[str]) -> int | None:
    return next((int(match[1]) for line in lines if (match := re.search(pattern, line))), None)


def installed(found: Redirect | None, port: int) -> Finding:
    """`port`: where the gate is set to listen."""
    if found is None:
        return wrong("redirect", "it is not installed, so nothing holds the workload", INSTALL)
    if found.port is None:
        return wrong("redirect", "its filter is in place and nothing turns to the gate", INSTALL)
    if found.port != port:
        what = f"it turns to port {found.port}, and the gate is set to listen on {port}"
        return wrong("redirect", what, f"run outgate iptables install --listen-port {port}, or give the gate that port")
    return ok("redirect", f"it turns to port {found.port} and leaves uid {found.uid} alone")


def bites(results: Sequence[Result]) -> Iterator[Finding]:
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    for result in failed:
        yield wrong("redirect", f"{result.family} {result.text}", INSTALL)
    if not failed:
        yield ok("redirect", "it bites: " + "; ".join(f"{result.family} {result.text}" for result in results))


def gate_user(uids: Sequence[int], found: Redirect) -> Finding:
    """`uids`: whose listeners have the gate's port."""
    if not uids:
        return note("gate's uid", f"nobody listens on port {found.port} here, so nothing passes", "start outgate run")
    if strangers := sorted({uid for uid in uids if uid != found.uid}):
        what = f"uid {strangers[0]} listens on port {found.port}, and the rules leave uid {found.uid} alone"
        fix = f"run the gate as uid {found.uid}: its own connections are turned back to it"
        return wrong("gate's uid", what, fix)
    return ok("gate's uid", f"uid {found.uid} listens on port {found.port}")


def listeners(port: int, net: Path = Path("/proc/thread-self/net")) -> list[int]:
    """The uids of the sockets that listen on a port."""
    tables = (net / name for name in ("tcp", "tcp6"))
    texts = (table.read_text(encoding="ascii", errors="replace") for table in tables if table.exists())
    ends = f":{port:04X}"
    rows = (found for text in texts for line in text.splitlines() if (found := SOCKET.match(line)) is not None)
    return [int(row["uid"]) for row in rows if row["state"] == LISTEN and row["local"].endswith(ends)]
