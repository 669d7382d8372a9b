"""What this namespace is like: its resolvers, the uids it has, whether it has IPv6, who else turns its traffic.

Owns reading the files and listings that say so. Decides nothing.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path

from outgate.netfilter.backend import SEARCH, Backend, Unable, run
from outgate.netfilter.options import LAST_UID, Address

# Chains and nft tables of meshes that turn traffic themselves; two redirects in one namespace starve each other.
MESHES = {
    "ISTIO_": "Istio",
    "PROXY_": "Linkerd or OSM",
    "OSM_": "OSM",
    "KUMA_": "Kuma",
    "CONSUL_": "Consul",
    "ISTIO-": "Istio",
    "KUMA-": "Kuma",
}


UIDS = re.compile(r"\s*(\d+)\s+\d+\s+([1-9]\d*)\s*", re.ASCII)
"""A row of a map of uids: the first here, what it is outside, and how many."""


def resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[Address, ...]:
    """The name servers of a resolver file, in order; none without the file. Lines it cannot read are left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    words = (line.split() for line in lines)
    return tuple(_addresses(pair[1] for pair in words if len(pair) > 1 and pair[0] == "nameserver"))


def _addresses(words: Iterator[str]) -> Iterator[Address]:
    for word in words:
        try:
            yield ip_address(word.partition("%")[0])
        except ValueError:
            continue


def uids(path: Path = Path("/proc/self/uid_map")) -> tuple[tuple[int, int], ...]:
    """The ranges of uids that exist in this user namespace. Raises OSError when the kernel does not say."""
    rows = [UIDS.fullmatch(line) for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    known = [(int(row[1]), int(row[2])) for row in rows if row is not None]
    if len(known) < len(rows) or any(first > LAST_UID for first, _ in known):
        raise OSError(errno.EBADMSG, "does not say which uids there are", str(path))
    return tuple((first, min(first + count - 1, LAST_UID)) for first, count in known)


def has_ipv6(path: Path = Path("/proc/thread-self/net/if_inet6")) -> bool:
    """Whether an interface other than loopback has an IPv6 address, link-local ones included: they reach neighbours."""
    try:
        rows = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:  # a kernel without IPv6
        return False
    return any(row.split()[-1:] not in ([], ["lo"]) for row in rows)


def foreign(backends: list[Backend]) -> list[str]:
    """Chains and tables here that belong to a mesh's own redirect, each with the mesh's name."""
    there = (name for backend in backends if backend.has("nat") for name in _chains(backend))
    owners = {name: _mesh(name) for name in (*there, *_nft_tables())}
    return [f"{name} ({mesh})" for name, mesh in sorted(owners.items()) if mesh]


def chains(listing: Iterable[str]) -> list[str]:
    """The chains in what iptables lists."""
    words = (line.split() for line in listing)
    return [each[1] for each in words if len(each) > 1 and each[0] == "-N"]


def tables(listing: Iterable[str]) -> list[str]:
    """The tables in what nft lists."""
    words = (line.split() for line in listing)
    return [each[-1] for each in words if each]


def _mesh(name: str) -> str:
    return next((mesh for start, mesh in MESHES.items() if name.upper().startswith(start)), "")


def _chains(backend: Backend) -> list[str]:
    try:
        return chains(backend.listing("nat"))
    except Unable:  # a rule set that this kernel does not have holds no chains
        return []


def _nft_tables() -> Iterator[str]:
    """Tables made through `nft` itself, which no iptables program shows."""
    if program := shutil.which("nft", path=SEARCH):
        try:
            yield from tables(run([program, "list", "tables"]).splitlines())
        except Unable:
            return
