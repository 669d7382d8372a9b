"""Proof that the rules bite: attempts to leave under a workload's uid, and where each of them ended.

Owns the checks and what each must show. The addresses are reserved for documentation, so nobody is there; the ports
are ones the options redirect. Knows nothing of how the rules were made.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from itertools import chain

from outgate.netfilter.backend import Unable
from outgate.netfilter.options import Family, Options
from outgate.netfilter.probe import SOCKET, Attempt, arrived, connect, original, routed, send

NOBODY = {Family.IPV4: ip_address("192.0.2.1"), Family.IPV6: ip_address("2001:db8::1")}
HERE = {Family.IPV4: ip_address("127.0.0.1"), Family.IPV6: ip_address("::1")}
ANY = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}
DISCARD, QUIC = 9, 443
TRIES = 10
"""Connections are told by the port that they come from, and the redirect gives one another port where another
connection has come from its own: then the next is tried."""


class Outcome(StrEnum):
    """Whether a rule bites. SKIPPED: there is no way out by this family, so there is nothing to bite."""

    OK = "ok"
    FAILED = "FAIL"
    SKIPPED = "skip"


@dataclass(frozen=True, slots=True)
class Result:
    """One check of one family, in a line."""

    outcome: Outcome
    family: Family
    text: str

    def __str__(self) -> str:
        return f"{self.outcome:<4} {self.family} {self.text}"


def verify(options: Options, families: list[Family]) -> list[Result]:
    """Try each way out of each family. Needs root, to become a workload. Raises Unable when nothing can be tried."""
    if os.geteuid() != 0:
        raise Unable("verify needs root: it connects under another uid")
    results = [result for family in families for result in _family(options, family)]
    if all(result.outcome is Outcome.SKIPPED for result in results):
        raise Unable("nothing leaves this namespace: it has no route, so no rule can be proven")
    return results


def _family(options: Options, family: Family) -> Iterator[Result]:
    if not routed(family, NOBODY[family]):
        yield Result(Outcome.SKIPPED, family, f"there is no route to {NOBODY[family]}, so nothing leaves")
        return
    listener = _listen(options.listen_port, family)
    try:
        yield _turned(options, family, listener)
        yield _straight(options, family)
        yield _datagram(options, family)
    finally:
        if listener:
            listener.close()


def _listen(port: int, family: Family) -> socket.socket | None:
    """A listener of our own; None when somebody, the gate presumably, has the port."""
    try:
        return socket.create_server((ANY[family], port), family=SOCKET[family])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        raise Unable(f"cannot listen on port {port} for {family}: {error.strerror}") from error


def _turned(options: Options, family: Family, listener: socket.socket | None) -> Result:
    """TCP to an address where nobody is must end at the listener, with that address still known."""
    address, port = NOBODY[family], _port(options)
    what = f"tcp to {address} port {port}"
    for _ in range(TRIES):
        with closing(Attempt(_workload(options), lambda: connect(family, address, port))) as attempt:
            if attempt.error:
                return Result(Outcome.FAILED, family, f"{what} {_said(attempt.error)}, not redirected")
            if arrived(options.listen_port, attempt.source):
                return _landed(options, family, listener, what)
    return Result(Outcome.FAILED, family, f"{what} ended elsewhere than at port {options.listen_port}")


def _landed(options: Options, family: Family, listener: socket.socket | None, what: str) -> Result:
    seen = _original(listener, family) if listener else None
    if listener and seen != (str(NOBODY[family]), _port(options)):
        return Result(Outcome.FAILED, family, f"{what} arrived without its destination: {seen}")
    whose = "own listener, destination known" if listener else "whoever listens there"
    return Result(Outcome.OK, family, f"{what} lands on port {options.listen_port} ({whose})")


def _original(listener: socket.socket, family: Family) -> tuple[str, int] | None:
    listener.settimeout(1.0)
    try:
        with listener.accept()[0] as accepted:
            return original(accepted, family)
    except OSError:
        return None


def _straight(options: Options, family: Family) -> Result:
    """The listener itself must not answer a workload that dials it."""
    address, port = HERE[family], options.listen_port
    with closing(Attempt(_workload(options), lambda: connect(family, address, port))) as attempt:
        return _refused(family, f"tcp straight to {address} port {port}", attempt.error, errno.ECONNREFUSED)


def _datagram(options: Options, family: Family) -> Result:
    """QUIC, as the example of everything that is not TCP."""
    address = NOBODY[family]
    with closing(Attempt(_workload(options), lambda: send(family, address, QUIC))) as attempt:
        return _refused(family, f"udp to {address} port {QUIC}", attempt.error, errno.EPERM)


def _refused(family: Family, what: str, error: int, wanted: int) -> Result:
    """Only the error that our own kernel gives is proof: others may come back from routers out there."""
    if error == wanted:
        return Result(Outcome.OK, family, f"{what} is refused")
    return Result(Outcome.FAILED, family, f"{what} {_said(error)}, not refused")


def _said(error: int) -> str:
    return f"ended with {errno.errorcode.get(error, str(error))}" if error else "got through"


def _port(options: Options) -> int:
    """A port that the options redirect: discard, where they leave the choice."""
    for port in chain([DISCARD], range(1, 65536)):
        if options.redirects(port):
            return port
    raise Unable("every redirected port is excluded again, so there is nothing to prove")


def _workload(options: Options) -> int:
    """Some uid that is not the gate's: the highest common one that exists here."""
    for uid in (65534, 65533, 1000, 1, 0):
        if uid != options.uid and any(first <= uid <= last for first, last in options.uids):
            return uid
    raise Unable(f"this user namespace has no uid beside {options.uid}")
