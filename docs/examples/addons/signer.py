"""Signs requests to chosen hosts, so that the origin can tell that they came through the gate.

    SIGNER_HOSTS=api.partner.example SIGNER_KEY_ID=gate-1 SIGNER_KEY_FILE=/etc/outgate/signer.key \\
        outgate run --addon docs/examples/addons/signer.py

The signature is an HMAC-SHA256 in base64 over six lines: method, host, path with query, `Date`, `Content-Digest`, and
the key's id. A body of up to a mebibyte is waited for and digested; where SIGNER_BODIES is `unsigned` none is, and the
line of the digest is empty. The workload holds no key, and what it sends under these names is replaced.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from outgate.addon import Addon, Denied, Request

BODY = 1024 * 1024
SHORTEST = 32


class Signer(Addon):
    """Holds the key. `now` gives the time that is signed."""

    def __init__(
        self,
        hosts: frozenset[str],
        key_id: str,
        key: bytes,
        *,
        bodies: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if len(key) < SHORTEST:
            raise ValueError(f"the key has {len(key)} bytes; use {SHORTEST} or more")
        self.hosts, self.key_id, self.key, self.bodies, self.now = hosts, key_id, key, bodies, now

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Signer:
        """As the environment says. What is missing there raises, and then the gate does not start."""
        hosts = frozenset(host.strip().lower() for host in environ["SIGNER_HOSTS"].split(","))
        key = Path(environ["SIGNER_KEY_FILE"]).read_bytes().strip()
        return cls(hosts, environ["SIGNER_KEY_ID"], key, bodies=environ.get("SIGNER_BODIES") != "unsigned")

    def body_limit(self, request: Request) -> int:
        return BODY if self.bodies and self.signs(request) else 0

    def on_request(self, request: Request) -> None:
        if not self.signs(request):
            return
        if not request.destination.tls:
            raise Denied("signature_needs_tls", "a signed request leaves in TLS, or not at all")
        date = format_datetime(self.now(), usegmt=True)
        digest = content_digest(request.body) if request.body is not None else ""
        request.set_header("date", date)
        if digest:
            request.set_header("content-digest", digest)
        request.set_header("x-signature", f'keyId="{self.key_id}", signature="{self.sign(request, date, digest)}"')

    def signs(self, request: Request) -> bool:
        """By the verified destination: a header cannot choose whose signature a request gets."""
        return request.destination.host in self.hosts

    def sign(self, request: Request, date: str, digest: str) -> str:
        lines = (request.method, request.headers["host"], request.path, date, digest, self.key_id)
        return b64encode(hmac.digest(self.key, "\n".join(lines).encode(), hashlib.sha256)).decode()


def content_digest(body: bytes) -> str:
    """As RFC 9530 writes it."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


addons = [Signer.of(os.environ)]
