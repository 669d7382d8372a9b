"""What of a request consistent hashing goes by, and the cookie that makes a workload come back to its endpoint.

Owns the reading and that cookie. Which endpoint has a hash is `traffic`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from outgate.policy.model import Attempt
from outgate.policy.resilience_model import Balancing, HashKey, HashOn
from outgate.traffic.balancing.hashing import Hash, hash_of

if TYPE_CHECKING:
    from outgate.proxy.exchange import Exchange
    from outgate.proxy.passage import Passage


def key_of(balancing: Balancing, exchange: Exchange, passage: Passage) -> Hash | None:
    """None: the request has nothing that is hashed."""
    attempt, found = exchange.attempt, list[str]()
    assert attempt is not None
    for key in balancing.hash_keys:
        value = _value(key, attempt, exchange)
        if value is None and key.on is HashOn.COOKIE and key.ttl is not None:
            value = _made(key, exchange, passage)
        if value is not None:
            found.append(value)
            if key.terminal:
                break
    return hash_of(*found) if found else None


def _value(key: HashKey, attempt: Attempt, exchange: Exchange) -> str | None:
    match key.on:
        case HashOn.HEADER:
            return attempt.headers.get(key.name)
        case HashOn.COOKIE:
            return _cookie(attempt.headers.get("cookie", ""), key.name)
        case HashOn.SOURCE_IP:
            return attempt.caller.address or None
        case HashOn.QUERY:
            query = attempt.path.partition("?")[2]
            return next((value for name, value in parse_qsl(query, keep_blank_values=True) if name == key.name), None)
        case HashOn.CONNECTION:
            return f"{exchange.facts.caller.address}:{exchange.facts.caller_port}"


def _cookie(sent: str, name: str) -> str | None:
    for part in sent.split(";"):
        known, equals, value = part.strip().partition("=")
        if equals and known == name:
            return value.strip('"')
    return None


def _made(key: HashKey, exchange: Exchange, passage: Passage) -> str:
    """A value for a workload that brings none: what tells its connection apart, and nothing of it."""
    value = f"{hash_of(key.name, exchange.facts.caller.address, str(exchange.facts.caller_port)):016x}"
    attributes = [f"Max-Age={key.ttl:g}"] if key.ttl else []
    attributes += [f"Path={key.path}"] if key.path else []
    attributes += [f"{name}={text}" if text else name for name, text in key.attributes]
    passage.cookie = "; ".join([f"{key.name}={value}", *attributes, "HttpOnly"])
    return value
