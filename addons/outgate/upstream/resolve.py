"""Names into addresses that may be dialled.

Owns the lookups, their short cache and their bounds. Every address is asked of the permit each time it is handed out,
so an answer that is cached for one destination is never trusted by another.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from outgate.policy.addresses import Permit
from outgate.policy.hosts import HostError, literal
from outgate.upstream.errors import Failure, UpstreamError

TTL = 5.0
"""Seconds that an answer is kept. The system's resolver does not tell the record's own time."""
NEGATIVE_TTL = 1.0
DEADLINE = 5.0
CONCURRENCY = 32
PENDING = 1024
KEPT = 4096
MOST = 32
"""Addresses of one answer that are looked at."""
HOSTS_FILE = Path("/etc/hosts")

type Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""A canonical name to its addresses of both families, preferred first. Raises `OSError` where there is none."""


@dataclass(frozen=True, slots=True)
class _Answer:
    addresses: tuple[str, ...]
    why: str
    until: float


class Resolver:
    """Looks names up, each once at a time. Times in seconds."""

    def __init__(
        self,
        lookup: Lookup | None = None,
        *,
        ttl: float = TTL,
        negative_ttl: float = NEGATIVE_TTL,
        deadline: float = DEADLINE,
        concurrency: int = CONCURRENCY,
        pending: int = PENDING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup or SystemLookup(concurrency)
        self._ttl, self._negative_ttl, self._deadline, self._clock = ttl, negative_ttl, deadline, clock
        self._slots, self._pending, self._kept = asyncio.Semaphore(concurrency), pending, KEPT
        self._counts: Counter[str] = Counter()
        self._answers: dict[str, _Answer] = {}
        self._flights: dict[str, asyncio.Task[_Answer]] = {}

    def bound(self, *, kept: int, ttl: float, pending: int, counts: Counter[str]) -> None:
        """Other bounds than the usual ones, and where it is counted that they held."""
        self._kept, self._ttl, self._pending, self._counts = kept, ttl, pending, counts

    async def addresses(self, host: str, permit: Permit) -> tuple[str, ...]:
        """The addresses of a canonical host that may be dialled, in the order to try them: the families by turns.

        Raises `UpstreamError`: `resolve_failed`, or `address_refused` where the permit allows none of them.
        """
        answer = await self._answer(host)
        if not answer.addresses:
            raise UpstreamError(Failure.RESOLVE_FAILED, answer.why)
        refusals = [permit.refusal(address) for address in answer.addresses]
        allowed = tuple(address for address, why in zip(answer.addresses, refusals, strict=True) if not why)
        if not allowed:
            hint = "name its network in the destination if it is meant"
            raise UpstreamError(Failure.ADDRESS_REFUSED, f"{host} resolves to nothing permitted: {refusals[0]}; {hint}")
        return allowed

    async def _answer(self, host: str) -> _Answer:
        known = self._answers.get(host)
        if known is not None and known.until > self._clock():
            return known
        if _spelt(host):
            return _Answer((host,), "", 0)
        return await asyncio.shield(self._flight(host))

    def _flight(self, host: str) -> asyncio.Task[_Answer]:
        flight = self._flights.get(host)
        if flight is None:
            if len(self._flights) >= self._pending:
                self._counts["lookups_refused"] += 1
                why = f"{len(self._flights)} lookups are pending; {host} is not looked up"
                raise UpstreamError(Failure.RESOLVE_FAILED, why)
            flight = self._flights[host] = asyncio.create_task(self._fly(host))
            flight.add_done_callback(lambda _: self._flights.pop(host, None))
        return flight

    async def _fly(self, host: str) -> _Answer:
        """Bounded by itself, not by who waits: a waiter that leaves does not take the answer from the others."""
        try:
            async with asyncio.timeout(self._deadline), self._slots:
                found = _ordered(await self._lookup(host))
            why = "" if found else f"{host} has no address"
        except TimeoutError:
            found, why = (), f"{host} was not resolved within {self._deadline:g} s"
        except (OSError, ValueError) as error:
            found, why = (), f"{host} cannot be resolved: {getattr(error, 'strerror', None) or error}"
        answer = _Answer(found, why, self._clock() + (self._ttl if found else self._negative_ttl))
        self._keep(host, answer)
        return answer

    def _keep(self, host: str, answer: _Answer) -> None:
        self._answers.pop(host, None)
        self._answers[host] = answer
        while len(self._answers) > self._kept:
            del self._answers[next(iter(self._answers))]
            self._counts["dns_dropped"] += 1


class SystemLookup:
    """The system's resolver, in threads of its own: one that hangs keeps none of the process's others waiting."""

    def __init__(self, threads: int = CONCURRENCY) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> list[str]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, _system, host)


def _system(host: str) -> list[str]:
    found = socket.getaddrinfo(_absolute(host), None, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


def _absolute(host: str) -> str:
    """The name with its root dot, so that no search domain is tried: in a cluster `api.example.com` would first be
    looked for inside. The hosts file knows names without it, and single labels mean the search domains."""
    return host if "." not in host or _in_hosts_file(host) else f"{host}."


def _in_hosts_file(host: str) -> bool:
    try:
        lines = HOSTS_FILE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(host in line.partition("#")[0].lower().split()[1:] for line in lines)


def _ordered(addresses: Sequence[str]) -> tuple[str, ...]:
    """The families by turns, the first one first, so that one that does not work costs one attempt."""
    found = list(dict.fromkeys(addresses))[:MOST]
    first = [address for address in found if (":" in address) == (":" in found[0])]
    other = [address for address in found if (":" in address) != (":" in found[0])]
    return tuple(address for address in chain(*zip_longest(first, other)) if address is not None)


def _spelt(host: str) -> bool:
    try:
        return literal(host) is not None
    except (HostError, ValueError):
        return False
