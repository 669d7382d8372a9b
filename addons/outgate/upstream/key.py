"""What two connections must share to stand for each other.

Owns the one key of context, session and pool. Everything that decides who is at the other end, or who the gate is to
them, is part of it; two identities never share a session or a socket.
"""

from __future__ import annotations

from typing import NamedTuple

from outgate.policy.addresses import PUBLIC_ONLY, Permit
from outgate.policy.model import Endpoint, Resolution, SubjectName


class Key(NamedTuple):
    """A tuple, so that it hashes at the speed of one."""

    destination: str
    host: str
    port: int
    address: str
    """The address that the workload chose, where that counts; else empty."""
    sni: str
    names: tuple[SubjectName, ...]
    pins: tuple[str, ...]
    identity: str
    """Digest of what a TLS context was made of: CA, CRL, client certificate, verification, versions, ALPN. Empty: no
    TLS."""
    generation: str
    endpoints: tuple[Endpoint, ...] = ()
    """Where the host lies by the policy: two ports of one destination may have the same upstream port and others of
    these."""
    resolution: Resolution = Resolution.DNS
    permit: Permit = PUBLIC_ONLY
    """What was dialled was allowed by this one alone."""
    via: tuple[object, ...] = ()
    preface: bytes = b""
    """What it begins with says whose it is."""

    def __hash__(self) -> int:
        """Of what tells nearly all of them apart: it is asked with every request, and all that a permit and a list of
        endpoints hold would be gone through each time. Equality is that of everything."""
        place = self.endpoints[0].address if self.endpoints else self.address
        return hash((self.destination, self.host, self.port, place, self.identity, self.generation))
