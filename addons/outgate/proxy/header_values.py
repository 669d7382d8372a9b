"""What a header's format comes to for one exchange.

Owns what each operator reads. The request is read as the workload sent it, so that nothing that the gate sets of its
own can be told; which operators there are is `policy.header_formats`'.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from mitmproxy import http

from outgate.policy.header_formats import ENDS
from outgate.policy.hosts import bracketed
from outgate.policy.route_model import HeaderFormat, Operator
from outgate.proxy.plan import VALUE

if TYPE_CHECKING:
    from outgate.proxy.exchange import Exchange

type Answer = http.Response | None
"""None: a request is changed, and there is none yet."""
type Read = Callable[[Exchange, Answer], str]
type Address = tuple[str, int] | None


def told(form: HeaderFormat, exchange: Exchange, response: Answer) -> bytes:
    """Empty where there is nothing to tell. Raises `ValueError`, and nothing is sent."""
    parts = (part if isinstance(part, str) else _read(part, exchange, response) for part in form.parts)
    made = "".join(parts).strip(" \t").encode("utf-8", "surrogateescape")
    if not VALUE.fullmatch(made):
        raise ValueError("a route makes a header that cannot stand in a head")
    return made


def _read(operator: Operator, exchange: Exchange, response: Answer) -> str:
    header = _HEADERS.get(operator.name)
    if header is None:
        return READS[operator.name](exchange, response)
    first, _, other = operator.argument.partition("?")
    value = header(first, exchange, response) or (header(other, exchange, response) if other else "")
    return value[: operator.most]


def _asked(name: str, exchange: Exchange, response: Answer) -> str:
    attempt = exchange.attempt
    if attempt is None:
        return ""
    match name:
        case ":method":
            return attempt.method
        case ":path":
            return attempt.path
        case ":scheme":
            return "https" if attempt.encrypted else "http"
        case ":authority" | "host":
            return exchange.authority
    return attempt.headers.get(name, "")


def _answered(name: str, exchange: Exchange, response: Answer) -> str:
    if response is None:
        return ""
    return str(response.status_code) if name == ":status" else response.headers.get(name, "")


_HEADERS = {"REQ": _asked, "RESP": _answered}


def _caller(exchange: Exchange) -> Address:
    facts = exchange.facts
    return (facts.caller.address, facts.caller_port) if facts.caller.address else None


def _dialled(exchange: Exchange) -> Address:
    facts = exchange.facts
    return (facts.address, facts.port or 0) if facts.address else facts.listener


def _origin(exchange: Exchange) -> Address:
    opened = exchange.tries[-1].origin if exchange.tries else None
    return (opened.peername[0], opened.peername[1]) if opened is not None and opened.peername else None


def _ends(whose: str, read: Callable[[Exchange], Address]) -> dict[str, Read]:
    def shown(show: Callable[[str, int], str]) -> Read:
        return lambda exchange, response: show(*found) if (found := read(exchange)) is not None else ""

    ways: tuple[Callable[[str, int], str], ...] = (
        lambda host, port: f"{bracketed(host)}:{port}",
        lambda host, port: host,
        lambda host, port: str(port),
    )
    return {f"{whose}_{end}": shown(way) for end, way in zip(ENDS, ways, strict=True)}


def _protocol(exchange: Exchange, response: Answer) -> str:
    version = exchange.judged.place[0] if exchange.judged is not None else b""
    made = version.decode("latin-1") if isinstance(version, bytes) else ""
    return "HTTP/2" if made.startswith("HTTP/2") else made


READS: dict[str, Read] = {
    **_ends("DOWNSTREAM_REMOTE", _caller),
    **_ends("DOWNSTREAM_DIRECT_REMOTE", _caller),
    **_ends("DOWNSTREAM_LOCAL", _dialled),
    **_ends("UPSTREAM_REMOTE", _origin),
    "HOSTNAME": lambda exchange, response: socket.gethostname(),
    "PROTOCOL": _protocol,
    "REQUESTED_SERVER_NAME": lambda exchange, response: exchange.facts.sni or "",
    "RESPONSE_CODE": lambda exchange, response: str(response.status_code) if response is not None else "",
}
