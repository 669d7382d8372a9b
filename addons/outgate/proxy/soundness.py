"""What of an origin's answer may reach a workload, and what of a body belongs to it.

Owns the checks of heads, trailers and announced lengths that every strict parser makes, so that nothing is framed in
one way here and in another way next door. Pure. What is wrong is named and never quoted: an origin may echo what it
was confided.
"""

from __future__ import annotations

import re

from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers

from outgate.policy.headers import CONTROL_PREFIX, HOP_BY_HOP

BREAK = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Of all control characters a field may hold a tab."""
FOLD = b"\r\n "
"""What a line that goes on in the next one has become after parsing."""
REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [^\x00-\x20\x7f]+ HTTP/[0-9]\.[0-9]")
STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] [0-9]{3}(?: [\t\x20-\x7e\x80-\xff]*)?")
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
BODILESS = frozenset({204, 304})
NO_TRAILER = frozenset(
    {
        *HOP_BY_HOP,
        "alt-svc",
        "authorization",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "host",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
    }
)
"""Framing, routing, credentials and what a body is: never said behind it (RFC 9110, 6.5.1)."""
WEBSOCKET_VERSION = "13"
MOST = 10**18
"""Bytes that a length may announce: far more than there are, and what no parser's number runs over from."""


def well_formed(lines: list[bytes], first: re.Pattern[bytes]) -> bool:
    """Whether the lines of a head are what a strict parser reads: mitmproxy's takes any white space for a space, and
    strips what a server next door may see. `first` is `REQUEST_LINE` or `STATUS_LINE`."""
    return first.fullmatch(lines[0]) is not None and not any(BREAK.search(line) for line in lines)


def unfold(headers: http.Headers) -> http.Headers:
    """The same fields on one line each, as RFC 9112, 5.2 wants them from whoever passes them on."""
    if not any(FOLD in value for _, value in headers.fields):
        return headers
    return http.Headers([(name, value.replace(FOLD, b" ")) for name, value in headers.fields])


def unsound(response: http.Response, request: http.Request, *, ended: bool, final: bool = True) -> str:
    """Why the head of an answer may not be passed on; empty where it may. `ended`: HTTP/2 said that no body follows."""
    if final and response.status_code < 200 and response.status_code != 101:
        return "the origin's last answer has the status of an early one"
    if not 100 <= response.status_code <= 999:
        return "the origin's status is none of HTTP's"
    if _breaks(response):
        return "the origin's head holds a control character"
    try:
        validate_headers(response)
    except ValueError:
        return "the origin's fields or framing are not valid HTTP"
    if immense(response):
        return "the origin announces a body of a length that cannot be"
    if response.status_code == 101 and not _switches(response, request):
        return "the origin switches to a protocol that nobody asked for"
    if ended and not ends_with_head(response, request) and misses(response, 0):
        return "the origin announces a body and sends none"
    return ""


def complete(flow: http.HTTPFlow, delivered: int) -> bool:
    """Whether so many bytes are all of an answer, by what its head says. One that does not say is never known to be."""
    if flow.response is None:
        return False
    told = "0" if ends_with_head(flow.response, flow.request) else flow.response.headers.get("content-length", "")
    return told.isdigit() and delivered >= int(told)


def ends_with_head(response: http.Response, request: http.Request) -> bool:
    """Whether no body follows, whatever length is announced."""
    return request.method.upper() == "HEAD" or response.status_code in BODILESS


def misses(message: http.Message, size: int) -> bool:
    """Whether an HTTP/2 message that is over had another length than it announced.

    The frames say where it ends, and the length is compared with them only where the last one holds data. Once it is
    HTTP/1, the length alone says it, and what is missing would be taken from the next message.
    """
    announced = message.headers.get("content-length")
    return message.is_http2 and announced is not None and announced != str(size)


def immense(message: http.Message) -> bool:
    """Whether an announced length is one that some parser takes for another, and the body then for the next message."""
    return len(message.headers.get("content-length", "")) > len(str(MOST)) - 1


def trailing(trailers: http.Headers) -> http.Headers:
    """The trailers that are only trailers."""
    kept = [
        (name, value)
        for name, value in trailers.fields
        if TOKEN.fullmatch(name) and not BREAK.search(value) and _may_trail(name.decode("ascii").lower())
    ]
    return http.Headers(kept)


def _may_trail(name: str) -> bool:
    return name not in NO_TRAILER and not name.startswith(CONTROL_PREFIX)


def _breaks(response: http.Response) -> bool:
    fields = response.headers.fields
    return bool(BREAK.search(response.data.reason) or any(BREAK.search(value) for _, value in fields))


def _switches(response: http.Response, request: http.Request) -> bool:
    """Whether both sides speak of WebSocket, and of the version that is known here."""
    return (
        not request.is_http2
        and not response.is_http2  # which knows no such answer
        and request.headers.get("upgrade", "").lower() == "websocket"
        and request.headers.get("sec-websocket-version", "") == WEBSOCKET_VERSION
        and response.headers.get("upgrade", "").lower() == "websocket"
    )
