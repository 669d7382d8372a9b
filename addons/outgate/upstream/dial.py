"""A TCP connection to one of several checked addresses.

Owns sockets until they are connected: order, staggering, timeouts, and that none is left open. Knows no names: what is
dialled has been resolved and permitted.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from outgate.upstream.errors import Failure, UpstreamError

STAGGER = 0.25
"""Seconds that an attempt is given alone before the next address is tried beside it (RFC 8305)."""
SHOWN = 4
PORTS = 32
"""Ports to try to come from where that is what is refused. The kernel draws them, and refuses at once."""
TAKEN = (errno.ENOPROTOOPT, errno.EACCES)
"""What the rules of the redirect say, IPv4's and IPv6's, of a connection from a port that belonged to a workload, which
the kernel would still turn to the gate."""

type Place = tuple[str, int]
"""A literal address and a port."""


class _Taken(UpstreamError):
    """Refused on the way, perhaps for the port that it came from."""


async def dial(places: Sequence[Place], limit: float, stagger: float = STAGGER) -> socket.socket:
    """A connected, non-blocking socket without Nagle's delay. `limit` is in seconds, for each place.

    Raises `UpstreamError`: `connect_timeout` where every attempt ran out of time, else `connect_failed`.
    """
    if len(places) == 1:
        return await _attempt(places[0], limit)
    waiting, running, errors = list(places), set[asyncio.Task[socket.socket]](), list[UpstreamError]()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_attempt(waiting.pop(0), limit)))
            pause = stagger if waiting else None
            done, _ = await asyncio.wait(running, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                if (error := task.exception()) is None:
                    running |= done - {task}
                    return task.result()
                errors.append(_known(error))
    finally:
        _abandon(running)
    raise _summary(errors)


def is_own(place: Place, ports: frozenset[int]) -> bool:
    """Whether a place is one of this machine's addresses at one of the gate's own ports, so that dialling is a loop."""
    address, port = place
    if port not in ports:
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, port))  # sends nothing; a machine reaches its own address from that address
        except OSError:
            return False
        source = ip_address(probe.getsockname()[0])
    return source.is_loopback or source == ip_address(address)


async def _attempt(place: Place, limit: float) -> socket.socket:
    for _ in range(PORTS - 1):
        with contextlib.suppress(_Taken):
            return await _connected(place, limit)
    return await _connected(place, limit)


async def _connected(place: Place, limit: float) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(limit):
            await asyncio.get_running_loop().sock_connect(made, place)
    except BaseException as error:
        made.close()
        if isinstance(error, TimeoutError):
            why = f"{shown(place)} did not answer within {limit:g} s"
            raise UpstreamError(Failure.CONNECT_TIMEOUT, why) from error
        if isinstance(error, OSError):
            why = f"{shown(place)} cannot be connected to: {error.strerror or error}"
            kind = _Taken if error.errno in TAKEN else UpstreamError
            raise kind(Failure.CONNECT_FAILED, why) from error
        raise
    return made


def shown(place: Place) -> str:
    """A place for people."""
    return f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"


def _abandon(tasks: set[asyncio.Task[socket.socket]]) -> None:
    for task in tasks:
        task.cancel()
        task.add_done_callback(_discard)


def _discard(task: asyncio.Task[socket.socket]) -> None:
    """Closes what a race's loser has connected all the same."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _known(error: BaseException) -> UpstreamError:
    return error if isinstance(error, UpstreamError) else UpstreamError(Failure.CONNECT_FAILED, repr(error))


def _summary(errors: list[UpstreamError]) -> UpstreamError:
    late = all(error.code is Failure.CONNECT_TIMEOUT for error in errors)
    more = f" and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    why = "; ".join(error.message for error in errors[:SHOWN]) + more
    return UpstreamError(Failure.CONNECT_TIMEOUT if late else Failure.CONNECT_FAILED, why or "no address to dial")
