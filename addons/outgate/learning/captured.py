"""What a capture tells of what was tried."""

from __future__ import annotations

from outgate.learning.seen import Seen, Speech, caller_of
from outgate.policy.model import Code
from outgate.redact.exchange import Exchange


def seen(exchange: Exchange) -> Seen | None:
    """None where nothing was asked. A capture does not tell of the TLS that the gate started itself, nor whether bytes
    that named nobody were TLS."""
    verdict = exchange.verdict
    denied = verdict.code or "denied" if verdict.verdict == "deny" else ""
    caller = caller_of(*exchange.caller.partition("/")[::2])
    internal = verdict.code == Code.INTERNAL
    if (request := exchange.request) is not None:
        encrypted = request.scheme == "https"
        speech, http2 = Speech.HTTPS if encrypted else Speech.HTTP, request.protocol.startswith("HTTP/2")
        return Seen(speech, request.host, request.port, caller, denied, internal, http2 and not encrypted)
    if (relayed := exchange.relayed) is None:
        return None
    speech = Speech.TLS if relayed.sni else Speech.TCP
    return Seen(speech, relayed.sni or relayed.host, relayed.port, caller, denied, internal)
