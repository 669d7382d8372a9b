"""How many packets have reached the world, by destination: counted by its kernel, so zero means none.

Owns the nftables table that counts, and reading it. Counts before routing, for the cable only: what the world sends to
itself is not in it, nor is neighbour discovery, which every IPv6 conversation needs.
"""

from __future__ import annotations

import json
import shutil
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .namespaces import Lab

TABLE = "outgate_lab"
ROOM = 65536  # destinations; a full set would stop counting new ones


def _rules() -> str:
    """A set per question and family, whose elements the kernel makes when it first sees a destination."""
    sets, rules = [], []
    for version, proto, kind in (("4", "ip", "ipv4_addr"), ("6", "ip6", "ipv6_addr")):
        for name, key, fields, match in (
            (f"any{version}", kind, f"{proto} daddr", f"meta nfproto ipv{version}"),
            (f"port{version}", f"{kind} . inet_service", f"{proto} daddr . th dport", "meta l4proto { tcp, udp }"),
            (f"syn{version}", f"{kind} . inet_service", f"{proto} daddr . tcp dport", "tcp flags & (syn | ack) == syn"),
        ):
            sets.append(f"set {name} {{ type {key}; flags dynamic; size {ROOM}; counter; }}")
            rules.append(f"{match} update @{name} {{ {fields} }}")
    body = "\n".join(rules)
    discovery = "icmpv6 type { 133, 134, 135, 136, 137 } return"
    chain = (
        f'chain seen {{ type filter hook prerouting priority -300; iifname != "eth0" return\n{discovery}\n{body}\n}}'
    )
    return f"table inet {TABLE} {{\n" + "\n".join(sets) + f"\n{chain}\n}}\n"


class Counters:
    """The counts of one lab. Where there is no `nft`, asking for a count raises; everything else in the lab works."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def start(self) -> None:
        """Count from now on."""
        if available():
            done = self._lab.run_in(self._lab.world, ["nft", "-f", "-"], input=_rules())
            if done.returncode:
                raise RuntimeError(f"packets cannot be counted: {done.stderr.strip()}")

    def packets(self, dst: str, port: int | None = None) -> int:
        """Every packet for an address, or the TCP segments and UDP datagrams for one of its ports."""
        return self._count("any" if port is None else "port", dst, port)

    def syns(self, dst: str, port: int) -> int:
        """Attempts to open a TCP connection, repeated ones included."""
        return self._count("syn", dst, port)

    def _count(self, question: str, dst: str, port: int | None) -> int:
        address = ip_address(dst)
        key = str(address) if port is None else {"concat": [str(address), port]}
        name = f"{question}{address.version}"
        return sum(found["counter"]["packets"] for found in self._elements(name) if found["val"] == key)

    def _elements(self, name: str) -> list[dict[str, Any]]:
        done = self._lab.run_in(self._lab.world, ["nft", "-j", "list", "set", "inet", TABLE, name])
        if done.returncode:
            raise RuntimeError(f"packets are not counted here: {done.stderr.strip() or 'there is no nft'}")
        listed = next(item["set"] for item in json.loads(done.stdout)["nftables"] if "set" in item)
        return [entry["elem"] for entry in listed.get("elem", [])]


def available() -> bool:
    """Whether packets can be counted here."""
    return shutil.which("nft") is not None
