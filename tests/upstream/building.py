"""Targets and environments for tests: loopback is permitted because it is named, as an entry would."""

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_network

from outgate.policy.addresses import Permit
from outgate.policy.model import UpstreamTLS
from outgate.upstream.connection import Connection
from outgate.upstream.environment import Environment, Timeouts
from outgate.upstream.identity import Identities
from outgate.upstream.resolve import Resolver
from outgate.upstream.target import Target, names_of, sni_of

LOOPBACK = Permit((ip_network("127.0.0.0/8"), ip_network("::1/128")))


class Clock:
    """Seconds that move only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Names:
    """A lookup that knows what it is told, and counts."""

    def __init__(self, known: Mapping[str, list[str]] | None = None) -> None:
        self.known, self.asked = dict(known or {}), []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("name or service not known")
        return self.known[host]


class Anywhere(Names):
    """Every name is 127.0.0.1."""

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.known.get(host, ["127.0.0.1"])


def environment(lookup=None, **given) -> Environment:
    settings = {"timeouts": Timeouts(total=8, tls=4, via=4, closing=1), "identities": None, **given}
    settings["identities"] = settings["identities"] or Identities(environ={})
    return Environment(Resolver(lookup or Anywhere()), **settings)


def target(port: int, host: str = "good.example", tls: UpstreamTLS | None = None, **given) -> Target:
    """A registered target, its names and SNI as `target_of` would say them."""
    settings = {"key": "partner", "permit": LOOPBACK, "generation": "g1", "connect_timeout": 2.0, **given}
    return Target(host=host, port=port, tls=tls, sni=sni_of(tls, host), names=names_of(tls, host), **settings)


async def talk(connection: Connection, line: bytes = b"hi\n") -> bytes:
    """One line there, one back."""
    connection.writer.write(line)
    await connection.writer.drain()
    return await connection.reader.readline()


async def finish(connection: Connection) -> None:
    """Closes, and waits until it is."""
    connection.close()
    with suppress(OSError):
        await connection.writer.wait_closed()
