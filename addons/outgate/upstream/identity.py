"""The TLS identities in use: who the gate is to each destination, and whom it trusts there.

Owns the cache, the notice of replaced files and what happens until they are whole again: the identity in use stays, and
a problem is reported; never is anything connected without the certificate that the policy names.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from outgate.policy.model import UpstreamTLS
from outgate.problems import Problem, Where
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.trust import Identity, Trust, identity, paths
from outgate.upstream.watch import RECHECK, Stamp, contents, stamps

KEPT = 1024
KEY_LOGS = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")

type Material = tuple[object, ...]


class KeyLogError(ValueError):
    """The environment asks for session keys to be written down."""


@dataclass(slots=True)
class _Slot:
    """An identity, or why there is none, and the state of its files."""

    identity: Identity | None
    why: str
    stamps: tuple[Stamp, ...]
    checked: float


class Identities:
    """One context for all targets that are alike in CA, CRL, client certificate, verification, versions and ALPN.

    `report` is told once of each state of files that cannot be used; all in `replaced` are told the digest of an
    identity whose files have changed, so that what was kept for it can go. Raises `KeyLogError` where session keys
    would be logged.
    """

    def __init__(
        self,
        trust: Trust | None = None,
        *,
        report: Callable[[Problem], None] = lambda problem: None,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if named := [name for name in KEY_LOGS if (os.environ if environ is None else environ).get(name)]:
            raise KeyLogError(f"{named[0]} is set, and session keys would be written there; unset it")
        self.trust = trust or Trust()
        self.replaced: list[Callable[[str], None]] = []
        self._report, self._clock = report, clock
        self._slots: dict[Material, _Slot] = {}
        self._builds: dict[Material, asyncio.Task[_Slot]] = {}

    async def get(self, tls: UpstreamTLS, alpn: tuple[str, ...]) -> Identity:
        """The identity for `tls`; a dict hit, and a stat of its files once a second.

        Raises `UpstreamError` with `identity_failed` where its files have never been usable.
        """
        material = _material(tls, alpn)
        slot = self._slots.get(material)
        if slot is None or (self._clock() - slot.checked >= RECHECK and self._changed(tls, slot)):
            slot = await self._build(material, tls, alpn)
        if slot.identity is None:
            raise UpstreamError(Failure.IDENTITY_FAILED, slot.why)
        return slot.identity

    def current(self, tls: UpstreamTLS, alpn: tuple[str, ...]) -> str:
        """The digest of the identity for `tls`; empty where there is none, or its files are others by now."""
        slot = self._slots.get(_material(tls, alpn))
        if slot is None or slot.identity is None:
            return ""
        if self._clock() - slot.checked >= RECHECK:
            if stamps(paths(tls, self.trust)) != slot.stamps:
                return ""  # and whoever gets it next builds it anew
            slot.checked = self._clock()
        return slot.identity.digest

    def _changed(self, tls: UpstreamTLS, slot: _Slot) -> bool:
        slot.checked = self._clock()
        return stamps(paths(tls, self.trust)) != slot.stamps

    async def _build(self, material: Material, tls: UpstreamTLS, alpn: tuple[str, ...]) -> _Slot:
        """One build at a time for all that wait for it; it goes on if one of them is cancelled."""
        build = self._builds.get(material)
        if build is None:
            build = self._builds[material] = asyncio.create_task(self._refresh(material, tls, alpn))
            build.add_done_callback(lambda _: self._builds.pop(material, None))
        return await asyncio.shield(build)

    async def _refresh(self, material: Material, tls: UpstreamTLS, alpn: tuple[str, ...]) -> _Slot:
        old = self._slots.get(material)
        # Loading the system's roots takes tens of milliseconds.
        slot = await asyncio.to_thread(_read, tls, alpn, self.trust, self._clock)
        if slot.identity is None:
            self._complain(tls, slot.why, in_use=old is not None and old.identity is not None)
            slot.identity = old.identity if old is not None else None
        elif old is not None and old.identity is not None:
            if old.identity.digest == slot.identity.digest:
                slot.identity = old.identity  # its sessions go on
            else:
                for tell in self.replaced:
                    tell(old.identity.digest)
        while len(self._slots) >= KEPT and material not in self._slots:
            del self._slots[next(iter(self._slots))]
        self._slots[material] = slot
        return slot

    def _complain(self, tls: UpstreamTLS, why: str, *, in_use: bool) -> None:
        where = tls.client_certificate or tls.ca or tls.crl or ""
        what = "the identity read before stays in use" if in_use else "its destination is not reached"
        self._report(Problem(Where(where), why, f"{what} until the files can be used"))


def _read(tls: UpstreamTLS, alpn: tuple[str, ...], trust: Trust, clock: Callable[[], float]) -> _Slot:
    files = paths(tls, trust)
    found = stamps(files)  # before the bytes: what changes in between is noticed by the next look
    try:
        made = identity(tls, alpn, trust, contents(files))
    except OSError as error:
        what = error.filename or "a file in memory"
        return _Slot(None, f"{what} cannot be read: {error.strerror}; mount it, or correct the path", found, clock())
    except ValueError as error:
        return _Slot(None, str(error), found, clock())
    return _Slot(made, "", found, clock())


def _material(tls: UpstreamTLS, alpn: tuple[str, ...]) -> Material:
    return (
        tls.ca,
        tls.client_certificate,
        tls.private_key,
        tls.crl,
        tls.verification,
        tls.minimum_version,
        tls.maximum_version,
        alpn,
    )
