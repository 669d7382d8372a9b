"""What tests of the rules do in a lab: sockets in the pod under any uid, the rules themselves, what reached the world.

Owns no expectation. The addresses are one of each family out there, and those of the pod.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from e2e.lab import counters
from e2e.lab.namespaces import POD4, POD6, Lab, unavailable
from outgate.netfilter import installation
from outgate.netfilter.backend import Backend, Kind, Unable, installed
from outgate.netfilter.options import Family, Options
from outgate.netfilter.probe import original

GATE, WORKLOAD = 1337, 1000
OUT = {Family.IPV4: "93.184.216.10", Family.IPV6: "2606:2800:220:1::10"}
HERE = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}
OWN = {Family.IPV4: POD4, Family.IPV6: POD6}
INET = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}


class Traffic:
    """What programs in the pod and the world do. Sockets close with the test."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sockets = ExitStack()

    @contextmanager
    def inside(self, uid: int = 0) -> Iterator[None]:
        """In the pod, as `uid`: the rules look at the user who made a socket, not at the one who uses it."""
        with self.lab.enter(self.lab.pod):
            os.seteuid(uid)
            try:
                yield
            finally:
                os.seteuid(0)

    def socket(self, family: Family, uid: int, kind: int = socket.SOCK_STREAM, proto: int = 0) -> socket.socket:
        with self.inside(uid):
            made = self.sockets.enter_context(socket.socket(INET[family], kind, proto))
        made.settimeout(2)
        return made

    def connect(self, family: Family, address: str, port: int, uid: int = WORKLOAD) -> socket.socket:
        opened = self.socket(family, uid)
        opened.connect((address, port))
        return opened

    def send(self, family: Family, address: str, port: int, uid: int = WORKLOAD) -> None:
        self.socket(family, uid, socket.SOCK_DGRAM).sendto(b"datagram", (address, port))

    def listen(self, ns: str, family: Family, port: int, address: str = "", uid: int = 0) -> socket.socket:
        with self.lab.enter(ns):
            os.seteuid(uid)
            try:
                made = socket.create_server((address or {4: "", 6: "::"}[family.value], port), family=INET[family])
            finally:
                os.seteuid(0)
        made.settimeout(2)
        return self.sockets.enter_context(made)

    def gate(self, family: Family, port: int = 15001) -> socket.socket:
        return self.listen(self.lab.pod, family, port, uid=GATE)

    def accept(self, listener: socket.socket) -> socket.socket:
        accepted, _ = listener.accept()
        accepted.settimeout(2)
        return self.sockets.enter_context(accepted)

    def destination(self, listener: socket.socket, family: Family) -> tuple[str, int]:
        return original(self.accept(listener), family)

    def install(self, kind: Kind | None = None, ipv6: bool = True, **options: Any) -> list[installation.Change]:
        with self.inside():
            return installation.install(Options(**options), ipv6, kind)

    def remove(self) -> list[installation.Change]:
        with self.inside():
            return installation.remove()

    def rules(self) -> str:
        """Everything that the kernel holds, in both rule sets and families, without counters."""
        with self.inside():
            found = [backend for family in Family for backend in installed(family)]
            tables = [(backend, table) for backend in found for table in ("filter", "nat") if backend.has(table)]
            return "\n".join(line for backend, table in tables for line in (table, *backend.listing(table)))

    def iptables(self, family: Family, kind: Kind, *words: str) -> None:
        program = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}[family]
        done = self.lab.run_in(self.lab.pod, [f"{program}-{kind}", "-w", *words])
        assert done.returncode == 0, done.stderr

    def seen(self, family: Family, port: int | None = None) -> int:
        return self.lab.packets(OUT[family], port)


@contextmanager
def laboratory() -> Iterator[Traffic]:
    """A fresh pair of namespaces with one address of each family out there; a skip where there can be none."""
    if reason := unavailable() or ("" if counters.available() else "packets are counted by nft, which is not here"):
        pytest.skip(reason)
    with Lab({"out.example": tuple(OUT.values())}) as lab:
        made = Traffic(lab)
        with made.sockets:
            yield made


def need(kind: Kind, traffic: Traffic) -> Kind:
    """The rule set, if this machine has a program and a kernel for it in both families; else a skip."""
    with traffic.inside():
        found = [backend for family in Family for backend in installed(family) if backend.kind is kind]
        complaints = [complaint for backend in found if (complaint := _complaint(backend))]
    if len(found) < len(Family) or complaints:
        pytest.skip(f"{kind} rules cannot be made here: {complaints or 'no program'}")
    return kind


def _complaint(backend: Backend) -> str:
    """Asked with a rule like ours: a kernel may list a table and still lack a match."""
    rule = "OUTPUT -p tcp -m owner --uid-owner 1 -j REDIRECT --to-ports 1"
    try:
        backend.restore(f"*nat\n-A {rule}\n-D {rule}\nCOMMIT\n")
    except Unable as error:
        return str(error)
    return ""
