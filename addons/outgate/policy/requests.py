"""Which request heads every parser reads alike, and which change of protocol passes.

Owns the refusals that come before names and rules are looked at, for the data plane and for `explain`. Pure; knows
nothing of where a head came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from outgate.policy.headers import listed
from outgate.policy.model import Code
from outgate.policy.names import Refusal

METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")
PATH = re.compile(rb"/[\x21-\x7e\x80-\xff]*")
BAD_FIELD = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def refusal(
    method: bytes, path: bytes, fields: Iterable[tuple[bytes, bytes]], offer: str, *, http2: bool = False
) -> Refusal | None:
    """Why a request is none that a gate passes on, or None. `path` is the target in origin form, or `*`; `offer` is
    what its `Upgrade` fields say."""
    return malformed(method, path, fields) or upgrade(method, offer, http2=http2)


def malformed(method: bytes, path: bytes, fields: Iterable[tuple[bytes, bytes]]) -> Refusal | None:
    """What no strict parser would pass on. Names and hosts are judged by `names`."""
    if not METHOD.fullmatch(method):
        return Refusal(Code.REQUEST_MALFORMED, "the method is no token")
    if not PATH.fullmatch(path) and not (path == b"*" and method == b"OPTIONS"):
        return Refusal(Code.REQUEST_MALFORMED, "the request target is neither a path nor an absolute URI")
    if any(BAD_FIELD.search(name) or BAD_FIELD.search(value) for name, value in fields):
        return Refusal(Code.REQUEST_MALFORMED, "a header holds a control character")
    return None


def upgrade(method: bytes, offer: str, *, http2: bool) -> Refusal | None:
    """WebSocket upgrades are judged like requests, offers of h2c come to nothing, everything else is refused."""
    offered = listed(offer)
    if offered <= {"h2c"} or (offered == {"websocket"} and method == b"GET" and not http2):
        return None
    return Refusal(Code.UPGRADE_REFUSED, f"upgrade to {', '.join(sorted(offered))[:80]} is not allowed")
