"""What the workload is told: a decision or a failure as an HTTP response.

Owns the JSON body, the headers and the gRPC form of an answer. Every text is encoded, never pasted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from mitmproxy import http

from outgate.addon import Denied
from outgate.policy.model import Code, Decision
from outgate.proxy.passage import Refused

FLAGS = "x-outgate-flags"
GRPC_STATUS = {400: 13, 403: 7, 404: 12, 408: 4, 429: 14, 502: 14, 503: 14, 504: 4}
"""HTTP to gRPC status, as the gRPC specification maps them."""
MAX_TEXT = 500


def denial(decision: Decision, host: str, *, grpc: bool = False) -> http.Response:
    """The answer to a denied request."""
    content: dict[str, object] = {
        "verdict": str(decision.verdict),
        "code": str(decision.code),
        "reason": _printable(decision.reason),
        "rule": str(decision.source) if decision.source else None,
        "host": _printable(host),
        "help": _help(decision.code, _printable(host)),
    }
    if decision.destination is not None and decision.destination.region:
        content["region"] = _printable(decision.destination.region)
    return _render(decision.status, content, "", grpc)


def refused(denied: Denied, host: str, *, grpc: bool = False) -> http.Response:
    """The answer to what the policy allows and an addon denied."""
    content: dict[str, object] = {
        "verdict": "deny",
        "code": denied.code,
        "reason": _printable(denied.reason),
        "rule": None,
        "host": _printable(host),
        "help": "an addon of the gate denied it",
    }
    return _render(denied.status, content, "", grpc)


def failure(status: int, code: str, reason: str, host: str, flag: str = "", *, grpc: bool = False) -> http.Response:
    """The answer where an allowed request could not be carried out."""
    content: dict[str, object] = {
        "verdict": "allow",
        "code": code,
        "reason": _printable(reason),
        "rule": None,
        "host": _printable(host),
    }
    return _render(status, content | {"help": "the request was allowed; its origin could not serve it"}, flag, grpc)


def limited(refused: Refused, host: str, flags: str = "", *, grpc: bool = False) -> http.Response:
    """The answer to what is allowed, and the traffic policy keeps from its origin."""
    content: dict[str, object] = {
        "verdict": "allow",
        "code": refused.code,
        "reason": _printable(refused.reason),
        "rule": None,
        "host": _printable(host),
        "help": "the request was allowed; the traffic policy of its destination keeps it",
    }
    made = _render(refused.status, content, flags, grpc)
    if grpc and refused.grpc_status is not None:
        made.headers["grpc-status"] = str(refused.grpc_status)
    for name, value in refused.headers:
        made.headers[name] = value
    return made


def broken(status: int, code: Code | None, reason: str) -> http.Response:
    """The answer to something that is no valid request, or whose origin broke the protocol."""
    name = str(code) if code else "upstream_failed"
    content: dict[str, object] = {
        "verdict": "deny" if code else "allow",
        "code": name,
        "reason": _printable(reason),
        "rule": None,
    }
    return _render(status, content | {"host": "", "help": ""}, "", False)


def _printable(text: str) -> str:
    """Reasons quote what was received; only plain text of bounded length is repeated."""
    return "".join(char if char.isprintable() else "?" for char in text[:MAX_TEXT])


def _render(status: int, content: Mapping[str, object], flags: str, grpc: bool) -> http.Response:
    if grpc:
        return _grpc(status, str(content["reason"]), flags)
    body = json.dumps({"outgate": content}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    if flags:
        headers[FLAGS] = flags
    return http.Response.make(status, body, headers)


def _grpc(status: int, reason: str, flags: str) -> http.Response:
    """A trailers-only response, which is how gRPC carries an error."""
    headers = {
        "content-type": "application/grpc",
        "grpc-status": str(GRPC_STATUS.get(status, 2)),
        "grpc-message": quote(reason, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~"),
    }
    if flags:
        headers[FLAGS] = flags
    return http.Response.make(200, b"", headers)


def _help(code: Code, host: str) -> str:
    match code:
        case Code.UNREGISTERED | Code.NOT_EXPORTED:
            return f"register {host or 'the destination'} with a ServiceEntry or an EgressDestination"
        case Code.PORT_UNREGISTERED | Code.PROTOCOL_MISMATCH:
            return "add the port, with the protocol that is spoken on it, to the destination"
        case Code.REFUSED_BY_RULE:
            return "the access rule must allow this caller, destination, method and path"
        case Code.NAMES_DISAGREE | Code.NAME_MISSING | Code.NAME_MALFORMED:
            return "send one valid host name, the same in TLS (SNI) and in the request"
        case _:
            return "ask for the decision with: outgate explain METHOD URL"
