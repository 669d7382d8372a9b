"""A TLS handshake in which the server is judged before anything of the client's own leaves.

Owns the moment of judgement, the session that is offered and the upgrade of a transport. OpenSSL judges the chain
inside the handshake; a name that is judged after the handshake comes too late, for by then the client certificate has
left. So the context makes connections that look at the server's certificate inside `do_handshake`, whose output asyncio
sends only once it has returned.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

from outgate.upstream.judge import Criteria, refusal


class Unaccepted(ssl.SSLCertVerificationError):
    """The server proved a certificate, but none that the policy accepts."""


@dataclass(slots=True)
class Terms:
    """What one handshake is to establish, and what it found. `session` may be resumed under these very terms only."""

    criteria: Criteria
    session: ssl.SSLSession | None = None
    chain: tuple[bytes, ...] = ()
    """What the server presented, leaf first, DER; for a resumed session, what it presented when that began."""


_terms: ContextVar[Terms] = ContextVar("terms")


class Judged(ssl.SSLObject):
    """A client connection whose handshake fails unless the certificate at hand meets the terms."""

    terms: Terms
    accepted = False

    def do_handshake(self) -> None:
        """Goes on with the handshake. Raises what `ssl` does, and `Unaccepted` before the client's flight is sent."""
        waiting: ssl.SSLError | None = None
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            waiting = error
        self._judge(done=waiting is None)
        if waiting is not None:
            raise waiting

    def _judge(self, *, done: bool) -> None:
        """Every time anew: an offered session may be declined, and then a certificate that was never seen follows."""
        chain = unverified_chain(self)
        leaf = chain[0] if chain else self.getpeercert(binary_form=True) if done else None
        if leaf is None:
            if done:
                raise Unaccepted("the server presented no certificate")
            return
        try:
            why = refusal(leaf, self.terms.criteria)
        except Exception as error:
            raise Unaccepted("the server's certificate cannot be read") from error
        if why:
            raise Unaccepted(why)
        if not self.session_reused:
            self.terms.chain = chain
        self.accepted = done


class Context(ssl.SSLContext):
    """Settings for many connections, each made with the terms that are current where it is made."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> Judged:
        """Raises `LookupError` without terms, so that nothing is connected unjudged."""
        terms = _terms.get()
        made = self._wrap(incoming, outgoing, server_hostname, session or terms.session)
        made.terms = terms
        return made

    def _wrap(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_hostname: str | bytes | None,
        session: ssl.SSLSession | None,
    ) -> Judged:
        try:
            made = super().wrap_bio(incoming, outgoing, False, server_hostname, session)
        except ValueError:
            if session is None:
                raise
            made = super().wrap_bio(incoming, outgoing, False, server_hostname)  # it is of a context that is gone
        assert isinstance(made, Judged)
        return made

    def wrap_socket(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("a socket would not be judged; use wrap_bio")


def client_context() -> Context:
    """An empty client context that judges. Verification is the caller's to set."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = Judged
    context.check_hostname = False  # the accepted names need not be the SNI
    # A server that renegotiates could present another certificate, which nobody would look at.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


async def shake(
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    context: Context,
    terms: Terms,
    sni: str | None,
    closing: float,
) -> tuple[asyncio.Transport, Judged]:
    """The transport inside TLS. `closing` is how long, in seconds, a close waits for the server's.

    Raises `ssl.SSLError` or `OSError`; the plain transport is closed then. The caller sets the deadline.
    """
    token = _terms.set(terms)
    try:
        inside = await asyncio.get_running_loop().start_tls(
            transport, protocol, context, server_hostname=sni, ssl_shutdown_timeout=closing
        )
    finally:
        _terms.reset(token)
    made = inside.get_extra_info("ssl_object") if inside is not None else None
    # A transport that is lost in between comes back without an error, and without TLS.
    if inside is None or not isinstance(made, Judged) or not made.accepted:
        transport.abort()
        raise ConnectionResetError("the connection was lost during the handshake")
    return inside, made


def unverified_chain(made: ssl.SSLObject) -> tuple[bytes, ...]:
    """What the server sent, leaf first, DER; empty before it has, and on a resumed session."""
    if sys.version_info >= (3, 13):
        return tuple(made.get_unverified_chain())
    raw: Any = vars(made)["_sslobj"]  # the public name is new in 3.13
    return tuple(certificate.public_bytes(_DER) for certificate in raw.get_unverified_chain() or ())


_DER = 2
"""`_ssl.ENCODING_DER`."""
