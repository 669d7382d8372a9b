"""Pairs that a release needs before anything of it runs: whether one that is there will do, and a new one.

Owns that question and what a new pair is. Where pairs are kept is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from outgate.pki import pem, profile
from outgate.pki.authority import create_authority
from outgate.pki.files import Held
from outgate.pki.issue import Kind, issue
from outgate.pki.problem import CertificateProblem

SERVING_DAYS = profile.DAYS_LIMIT
"""Nobody but the API server sees it, and its authority signs nothing else: its key is gone when it has signed."""
RENEWED = 1 / 3
"""A pair that nobody has to be told of is made anew with this share of its life left."""

type Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM: a certificate, its key, which does not show in a repr, and the authority that speaks for it."""

    certificate: bytes
    key: bytes = field(repr=False)
    authority: bytes


def new_authority(name: str, days: int, permit: Sequence[str], *, clock: Clock = time.time) -> Pair:
    """An authority that workloads are to trust. Raises ValueError for what no certificate can have."""
    certificate, key = create_authority(name, days, permit, clock=clock).pair()
    return Pair(certificate, key, certificate)


def new_server(hosts: Sequence[str], *, clock: Clock = time.time) -> Pair:
    """A server certificate by an authority of its own. Raises ValueError for names that no certificate can have."""
    authority = create_authority("outgate webhook CA", SERVING_DAYS, hosts, clock=clock)
    issued = issue(authority, Kind.SERVER, hosts, SERVING_DAYS, clock=clock)
    return Pair(issued.certificate, issued.key, pem.text(authority.certificate))


def share_left(certificate: bytes, key: bytes, where: str, *, clock: Clock = time.time) -> float:
    """How much of its life a pair has before it: 1 to 0, and 0 where it is over. Raises CertificateProblem for what is
    no pair."""
    first = pem.certificates(Held(where, certificate))[0]
    if pem.key(Held(where, key)).public_key() != first.public_key():
        raise CertificateProblem(where, "its key does not belong to its certificate", "put a pair there")
    begun, over = first.not_valid_before_utc.timestamp(), first.not_valid_after_utc.timestamp()
    return max(0.0, (over - clock()) / (over - begun))
