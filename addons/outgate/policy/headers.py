"""Request headers as they leave the gate, by lower-case name: what rules look at is what an origin will see.

Owns which fields end here. Knows no wire format and no rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "upgrade", "te"}
)
KEPT = frozenset({"host", "content-length", "transfer-encoding", "trailer", "te", "cookie", "authorization"})
"""Never dropped because a `Connection` field names them: framing, and what an origin relies on."""
CONTROL_PREFIX = "x-outgate-"


def joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; several of one name are joined with commas."""
    found: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def leaving(headers: Mapping[str, str], host: str, *, http2: bool = False) -> dict[str, str]:
    """What leaves of the headers of a request. `host` is the canonical name with its port where one was sent, for rules
    look at what a workload says, and an origin is told the port where it is not the scheme's own. Empty: nameless."""
    tokens = listed(headers.get("connection", ""))
    upgrading = "upgrade" in tokens and headers.get("upgrade", "").strip().lower() == "websocket"
    ended = (HOP_BY_HOP - {"te"} if http2 else HOP_BY_HOP) | (tokens - KEPT)
    kept = {name: value for name, value in headers.items() if name not in ended and not name.startswith(CONTROL_PREFIX)}
    if upgrading:
        kept |= {"connection": "Upgrade", "upgrade": "websocket"}
    return kept | {"host": host} if host else kept


def listed(value: str) -> set[str]:
    """The members of a comma-separated field, in lower case."""
    return {token.strip().lower() for token in value.split(",")} - {""}
