"""What is inside TLS that was decrypted, and is no HTTP.

Owns what becomes of it: nothing can be told of it, so the TLS itself is judged, and the connection ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from outgate.policy.decide import opaque
from outgate.proxy.classify import may_be_http

if TYPE_CHECKING:
    from outgate.proxy.handler import Handler


def is_opaque(handler: Handler, data: bytes) -> bool:
    """Whether the first bytes inside TLS are no HTTP; then the connection was broken off."""
    hello = handler.client.hello
    if hello is None or may_be_http(data):
        return False
    policy = handler.plane.snapshot.policy
    facts = handler.client.facts.under(policy.defaults)
    decision = opaque(policy, replace(hello, caller=facts.caller))
    handler.plane.log.closed(facts, hello, decision, handler.client.timestamp_start)
    handler.abort("no HTTP inside TLS")
    return True
