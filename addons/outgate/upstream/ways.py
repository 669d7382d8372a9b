"""The ways out beside the direct one: through the shared gateway, and through a proxy that is asked by CONNECT.

Owns what is said to them, and the passage from one replica of a gateway to the next. There is no way back to the direct
one: what was to take a way that fails is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from outgate.policy.addresses import INTERNAL, Permit
from outgate.policy.hosts import literal
from outgate.policy.model import UpstreamTLS, Via
from outgate.upstream.dial import Place
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.hops import Declined, Hop, HopKind, basic
from outgate.upstream.places import foreign
from outgate.upstream.replicas import Replicas
from outgate.upstream.secret import Secret
from outgate.upstream.target import Target, single
from outgate.upstream.watch import contents, stamps

if TYPE_CHECKING:
    from outgate.upstream.environment import Environment

PATIENCE = 5.0
"""Seconds that one replica has for everything, where there is another."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Its replicas; a name stands for all of its addresses. `tls` says who this gate is there, and who they have to
    be."""

    addresses: tuple[Place, ...]
    tls: UpstreamTLS
    heard: Callable[[bytes], None] = lambda head: None
    """Told of the head of each of its answers."""
    replicas: Replicas = field(default_factory=Replicas, compare=False)

    async def hops(self, target: Target, environment: Environment) -> list[Hop]:
        """One for each replica that is known, in the order to try them. Raises `UpstreamError`."""
        found: dict[Place, Hop] = {}
        failed: UpstreamError | None = None
        for host, port in self.addresses:
            permit = _permit(host)
            try:
                addresses = await environment.resolver.addresses(host, permit)
                for place in foreign([(address, port) for address in addresses], environment.own_ports):
                    found[place] = self._hop(place, target, permit)
            except UpstreamError as error:
                failed = failed or error
        if not found and failed is not None:
            raise UpstreamError(Failure.VIA_FAILED, f"the gateway is nowhere: {failed.message}") from failed
        return [found[place] for place in self.replicas.ordered(list(found))]

    def _hop(self, place: Place, target: Target, permit: Permit) -> Hop:
        return Hop(HopKind.GATEWAY, place, self.tls, permit=permit, opened=target.opened, heard=self.heard)

    async def first[T](self, hops: list[Hop], reach: Callable[[Hop], Awaitable[T]]) -> T:
        """What `reach` comes to at the first replica that can be used. One that answers is used, whatever it says.
        Raises `UpstreamError`."""
        last: UpstreamError | None = None
        for number, hop in enumerate(hops):
            try:
                async with asyncio.timeout(PATIENCE if number + 1 < len(hops) else None):
                    reached = await reach(hop)
            except Declined:
                self.replicas.served(hop.address)
                raise
            except UpstreamError as error:
                last = error
            except (OSError, TimeoutError) as error:
                last = UpstreamError(Failure.VIA_FAILED, f"{hop.address[0]}: {str(error) or 'it took too long'}")
            else:
                self.replicas.served(hop.address)
                return reached
            self.replicas.failed(hop.address)
        why = f"no replica of the gateway can be used: {last.message if last is not None else 'there is none'}"
        raise UpstreamError(Failure.VIA_FAILED, why) from last


@dataclass(slots=True)
class Proxy:
    """One that is asked by CONNECT, such as a company's. Of `credentials` and `file` one at most is given."""

    address: Place
    tls: UpstreamTLS | None = None
    credentials: Secret | None = None
    """`USER:PASSWORD`."""
    file: Path | None = None
    """That holds the same, and is read again when it changes."""
    _read: tuple[tuple[tuple[int, ...], ...], Secret] | None = None

    def hop(self) -> Hop:
        """Raises `UpstreamError` where the credentials cannot be read: without them nobody is asked."""
        secret = self.credentials if self.file is None else self._from(self.file)
        authorization = None if secret is None else _authorization(secret)
        return Hop(HopKind.CONNECT_PROXY, self.address, self.tls, authorization, _permit(self.address[0]))

    def _from(self, file: Path) -> Secret:
        now = stamps([str(file)])
        if self._read is None or self._read[0] != now:
            try:
                text = contents([str(file)])[str(file)].removesuffix(b"\n").removesuffix(b"\r")
            except (OSError, ValueError) as error:
                what = getattr(error, "strerror", None) or error
                why = f"the proxy's credentials cannot be read ({what}); mount {file}"
                raise UpstreamError(Failure.IDENTITY_FAILED, why) from error
            self._read = now, Secret(text)
        return self._read[1]


def _authorization(secret: Secret) -> Secret:
    user, colon, password = secret.reveal().partition(b":")
    if not colon:
        raise UpstreamError(Failure.IDENTITY_FAILED, "the proxy's credentials are not USER:PASSWORD; write them so")
    return basic(user, password)


def _permit(host: str) -> Permit:
    """An address that is named is meant, whatever it is."""
    return INTERNAL.naming(single([host])) if literal(host) is not None else INTERNAL


def proxies_of(target: Target, environment: Environment) -> tuple[Hop, ...]:
    """The proxies on the way to a target that does not take the gateway's. Raises `UpstreamError` where it is to take a
    way that is not there."""
    if target.via is Via.DIRECT:
        return ()
    if target.via is Via.PROXY and environment.proxy is not None:
        return (environment.proxy.hop(),)
    raise UpstreamError(Failure.VIA_FAILED, f"this gate knows no {target.via.lower()}, and nothing else is tried")
