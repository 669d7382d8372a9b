"""Server certificates minted while a client waits. Owns the cache of TLS contexts; opens no socket, writes no file.

What a miss costs, measured on one core: signing by an EC authority 0.06 ms (by an RSA one 0.3 ms), and 0.6 to 0.8 ms
for OpenSSL to make a context and read one key and certificate into it. A hit costs microseconds. So whole contexts are
kept, not certificates; each holds about 20 KiB.
"""

from __future__ import annotations

import os
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outgate.pki import names, pem, profile
from outgate.pki.authority import Authority
from outgate.pki.problem import CertificateProblem

LIFE = timedelta(days=7)
# OpenSSL remembers the TLS 1.2 sessions of clients without tickets, up to 20,480 a context, and `ssl` cannot tell it
# not to. A context that has gathered this many is replaced, so that a client cannot fill the memory with them.
_SESSION_LIMIT = 256
_NO_SUBJECT = x509.Name([])


@dataclass(frozen=True, slots=True)
class _Entry:
    """A context, and the seconds since 1970 between which it may be handed out."""

    context: ssl.SSLContext
    start: float
    renewal: float

    def usable(self, now: float) -> bool:
        return self.start <= now < self.renewal and self.context.session_stats()["number"] < _SESSION_LIMIT


class LeafCache:
    """TLS contexts by host and ALPN, the least recently used dropped beyond `limit`, and each such told to `dropped`.

    Safe to share between threads.

    All leafs of a process share one key, made at its start. Whoever could read one leaf's key from this memory
    could read the authority's beside it, so a key for each would cost time and protect nothing.
    """

    def __init__(
        self,
        authority: Authority,
        limit: int = 1024,
        clock: Callable[[], float] = time.time,
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        if limit < 1:
            raise ValueError(f"a leaf cache of {limit} holds nothing; use 1 or more")
        self._authority = authority
        self._limit = limit
        self._clock = clock
        self._dropped = dropped
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._entries: OrderedDict[tuple[str, tuple[str, ...]], _Entry] = OrderedDict()
        self._lock = Lock()
        self._prove()

    def __len__(self) -> int:
        return len(self._entries)

    def context(self, host: str, alpn: tuple[str, ...]) -> ssl.SSLContext:
        """A server-side context with a leaf for `host`, offering `alpn` in this order of preference.

        Session tickets are on, and bound to the context: a session of one host never resumes on another. Raises
        ValueError for a host that is neither a canonical DNS name nor an IP literal, CertificateProblem for one that
        the authority cannot sign.
        """
        with self._lock:
            now = self._clock()
            entry = self._entries.get((host, alpn))
            if entry is None or not entry.usable(now):
                entry = self._entries[host, alpn] = self._make(host, alpn, now)
            self._entries.move_to_end((host, alpn))
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)
                self._dropped()
            return entry.context

    def certificate(self, host: str) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """A fresh leaf for `host`, with what is presented after it, as PEM; and its key. Raises as `context`."""
        leaf = self._mint(host, self._clock())
        return pem.text(leaf) + self._authority.presented, self._key

    def _prove(self) -> None:
        """Sign and load a leaf nobody is shown, so that a machine or an authority unfit for it stops the start."""
        try:
            leaf = self._sign(x509.DNSName("outgate.invalid"), self._clock())
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._secret + pem.text(leaf) + self._authority.presented)
        except OSError as error:
            what = f"no leaf can be loaded ({error})"
            raise CertificateProblem(self._authority.where, what, "check that /proc is mounted") from error

    def _make(self, host: str, alpn: tuple[str, ...], now: float) -> _Entry:
        leaf = self._mint(host, now)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # unlike create_default_context, deaf to SSLKEYLOGFILE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        if alpn:
            context.set_alpn_protocols(list(alpn))
        _load(context, self._secret + pem.text(leaf) + self._authority.presented)
        end = leaf.not_valid_after_utc
        # The last leaf before the authority's end cannot be bettered by a new one, so it serves to its own end.
        share = 1.0 if end >= self._authority.end else 2 / 3
        return _Entry(context, leaf.not_valid_before_utc.timestamp(), now + (end.timestamp() - now) * share)

    def _mint(self, host: str, now: float) -> x509.Certificate:
        name = names.host(host)
        if not self._authority.constraints.permit(name):
            what = f"its name constraints do not permit {names.quote(host)}"
            hint = "pass the destination through, or permit it in a new one"
            raise CertificateProblem(self._authority.where, what, hint)
        return self._sign(name, now)

    def _sign(self, name: x509.GeneralName, now: float) -> x509.Certificate:
        authority, moment = self._authority, profile.moment(now)
        if moment >= authority.end:
            raise CertificateProblem(authority.where, "the authority has expired", "put a new one in its place")
        valid = profile.window(moment, LIFE, authority.end)
        # No subject: a common name is held to other rules than the alternative names and read by nobody.
        draft = profile.end_entity(
            _NO_SUBJECT, [name], self._key.public_key(), profile.SERVER, authority.certificate, valid
        )
        return authority.sign(draft)


def _load(context: ssl.SSLContext, text: bytes) -> None:
    """Give `context` a key and its chain without a file: `ssl` takes a path, so the path is that of a memory file."""
    descriptor = os.memfd_create("outgate-leaf", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
