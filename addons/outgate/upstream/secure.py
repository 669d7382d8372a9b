"""TLS to one server under one key, and what a failure of it means.

Owns the use of identity, criteria and session together, so that none is ever taken for another key's, and the words for
people. Knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from outgate.policy.model import UpstreamTLS
from outgate.upstream.environment import Environment
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.handshake import Judged, Terms, Unaccepted, shake
from outgate.upstream.judge import criteria
from outgate.upstream.key import Key
from outgate.upstream.trust import Identity

HINTS = {
    3: "its CRL file must hold a list for every CA of the chain",
    10: "its operator has to renew it",
    12: "the CRL file has to be renewed",
    18: "name it as the destination's CA if it is meant",
    19: "name its root as the destination's CA if it is meant",
    20: "name its CA in the destination",
    21: "the server has to send its intermediates, or the destination's CA file has to hold them",
    23: "its operator has to replace it",
    32: "the CA has to be issued with key usage keyCertSign",
    92: "the CA has to be issued with key usage keyCertSign, or strict verification turned off",
}
"""By OpenSSL's number of what is wrong with a chain (`X509_V_ERR_...`)."""

OURS_REFUSED = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "UNSUPPORTED_CERTIFICATE",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
)


@dataclass(frozen=True, slots=True)
class Server:
    """Who is expected at the other end, and under which key."""

    host: str
    port: int
    tls: UpstreamTLS
    sni: str | None
    identity: Identity
    key: Key


async def secure(
    transport: asyncio.Transport, protocol: asyncio.Protocol, server: Server, environment: Environment
) -> tuple[asyncio.Transport, Judged]:
    """The transport inside TLS, the server judged. Raises `UpstreamError`; the transport is closed then."""
    ticket = environment.sessions.take(server.key)
    terms = Terms(criteria(server.tls, server.key.names))
    if ticket is not None:
        terms.session, terms.chain = ticket.session, ticket.chain
    timeouts, context = environment.timeouts, server.identity.context
    try:
        async with asyncio.timeout(timeouts.tls):
            return await shake(transport, protocol, context, terms, server.sni, timeouts.closing)
    except (OSError, ValueError) as error:
        if ticket is not None:
            environment.sessions.lose(server.key)
        if not isinstance(error, TimeoutError):
            raise explained(error, f"{server.host}:{server.port}", server.identity.trusted) from error
        why = f"{server.host}:{server.port} did not finish the TLS handshake within {timeouts.tls:g} s"
        raise UpstreamError(Failure.CONNECT_TIMEOUT, why) from error


def explained(error: Exception, server: str, trusted: str = "the CA that the policy names") -> UpstreamError:
    """What an error of a TLS connection means. Under TLS 1.3 a server refuses the client certificate only after the
    handshake, so whoever reads the answer asks this too."""
    if isinstance(error, Unaccepted):
        return UpstreamError(Failure.IDENTITY_FAILED, f"{server} is not who the policy names: {_said(error)}")
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = HINTS.get(error.verify_code, "its operator has to replace it")
        why = f"the certificate of {server} is not valid under {trusted}: {error.verify_message}; {hint}"
        return UpstreamError(Failure.TLS_FAILED, why)
    reason = str(getattr(error, "reason", None) or "")
    if "ALERT" in reason and any(refused in reason for refused in OURS_REFUSED):
        why = f"{server} refuses the gate's client certificate, or wants one ({reason}); see the destination's TLS"
        return UpstreamError(Failure.IDENTITY_FAILED, why)
    why = reason or getattr(error, "strerror", None) or str(error) or "the connection was closed"
    return UpstreamError(Failure.TLS_FAILED, f"no TLS with {server}: {why}")


def _said(error: ssl.SSLError) -> str:
    return str(error.args[-1]) if error.args else "no certificate"
