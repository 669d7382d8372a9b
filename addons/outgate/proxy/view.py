"""The one translation between mitmproxy's flows and the policy's attempts, in both directions.

Owns what of a request is looked at, and the canonical form that is written back so that what was judged is what
leaves. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from mitmproxy import http

from outgate.policy import requests
from outgate.policy.headers import CONTROL_PREFIX, HOP_BY_HOP, KEPT, joined, leaving, listed
from outgate.policy.hosts import bracketed
from outgate.policy.model import Attempt, AttemptKind, Code
from outgate.policy.names import Agreed, Claims, Refusal, agree
from outgate.proxy.exchange import Exchange, Facts

type Sent = dict[bytes, list[bytes]]

HTTPS, HTTP = 443, 80
CONTROL = CONTROL_PREFIX.encode()


class Fields(Mapping[str, str]):
    """Request headers by lower-case name, as they leave; several of one name are joined with commas. Only `host` has no
    port where none was sent, as rules look at it.

    What is done to the request after it was judged does not show here. Nothing is computed before a rule asks.
    """

    def __init__(self, request: http.Request, host: str) -> None:
        self.fields, self.http2, self.host = request.headers.fields, request.is_http2, host

    @cached_property
    def headers(self) -> dict[str, str]:
        sent = joined((_text(name), _text(value)) for name, value in self.fields)
        return leaving(sent, self.host, http2=self.http2)

    def __getitem__(self, name: str) -> str:
        if name == "host" and self.host:
            return self.host
        if name.startswith(":"):  # is never the name of a field
            raise KeyError(name)
        return self.headers[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def __len__(self) -> int:
        return len(self.headers)


def claims(request: http.Request, facts: Facts, absolute_scheme: str) -> Claims:
    """Everything the request and its connection say about where it goes."""
    return _claims(request, _sent(request), facts, absolute_scheme)


def _claims(request: http.Request, sent: Sent, facts: Facts, absolute_scheme: str) -> Claims:
    hosts, named = tuple(map(_text, sent.get(b"host", ()))), sent_authority(request)
    absolute = connect = None
    if request.is_http2:
        hosts = (named, *(host for host in hosts if host != named))
        hosts = tuple(host for host in hosts if host)
    elif named:
        absolute = named
    if facts.connect is not None:
        connect = facts.connect
    default = HTTPS if facts.encrypted or absolute_scheme == "https" else HTTP
    return Claims(facts.port or 0, default, facts.sni or None, hosts, absolute, connect)


def _sent(request: http.Request) -> Sent:
    """Values by lower-case name, each as it was sent, in one pass over the fields."""
    sent: Sent = {}
    for name, value in request.headers.fields:
        sent.setdefault(name.lower(), []).append(value)
    return sent


def _joined(sent: Sent, name: bytes) -> str:
    return ", ".join(map(_text, sent.get(name, ())))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def sent_authority(request: http.Request) -> str:
    """`:authority`, or that of an absolute URI, as sent; mitmproxy's own property shows what A-labels mean."""
    return _text(request.data.authority)


def attempt_of(request: http.Request, facts: Facts, absolute_scheme: str) -> Attempt | Refusal:
    """The attempt that a request is, or why it is none."""
    data, sent = request.data, _sent(request)
    offer = _joined(sent, b"upgrade")
    refusal = requests.refusal(data.method, data.path, request.headers.fields, offer, http2=request.is_http2)
    if refusal is not None:
        return refusal
    if absolute_scheme == "https" and not facts.encrypted:
        return Refusal(Code.REQUEST_MALFORMED, "an https target needs CONNECT")
    if request.data.http_version == b"HTTP/1.1" and b"host" not in sent:
        return Refusal(Code.REQUEST_MALFORMED, "the Host field is missing")
    # HTTP/1.0 has no name to give. Of HTTP/2 without one, HTTP/1.1 without Host would be made for an origin.
    nameless = facts.address is not None and request.http_version == "HTTP/1.0"
    agreed = agree(_claims(request, sent, facts, absolute_scheme), nameless=nameless)
    if isinstance(agreed, Refusal):
        return agreed
    host = agreed.authority or authority(agreed, encrypted=facts.encrypted) if agreed.host else ""
    return Attempt(
        AttemptKind.HTTP,
        facts.caller,
        agreed.port,
        agreed.host,
        facts.address,
        facts.sni,
        facts.encrypted,
        request.method,
        request.path,
        Fields(request, host),
        _joined(sent, b"content-type").startswith("application/grpc"),
    )


def authority(agreed: Agreed | Attempt, *, encrypted: bool) -> str:
    """The canonical `Host`: the port is left out where it is the scheme's default."""
    host = bracketed(agreed.host or "")
    return host if agreed.port == (HTTPS if encrypted else HTTP) else f"{host}:{agreed.port}"


def canonicalise(request: http.Request, exchange: Exchange) -> None:
    """Write back what was judged: one method, one name in one form, origin-form target, no hop-by-hop or control
    headers."""
    attempt, target = exchange.attempt, exchange.target
    assert attempt is not None
    assert target is not None
    exchange.close = _wants_close(request)
    _strip(request.headers, http2=request.is_http2)
    request.method = attempt.method
    name = authority(attempt, encrypted=attempt.encrypted) if attempt.host else request.headers.get("host", "")
    if request.is_http2:
        request.data.authority = name.encode()
        request.headers.pop("host", None)
    else:
        request.data.authority = b""
        if name and request.headers.get_all("host") != [name]:
            request.headers["host"] = name
    request.data.host, request.data.port = target.host, target.port
    request.data.scheme = b"https" if target.tls is not None else b"http"
    exchange.authority = name


def _wants_close(request: http.Request) -> bool:
    tokens = listed(request.headers.get("connection", ""))
    return "close" in tokens or (request.http_version == "HTTP/1.0" and "keep-alive" not in tokens)


def _strip(headers: http.Headers, *, http2: bool) -> None:
    tokens = listed(headers.get("connection", ""))
    upgrading = "upgrade" in tokens and headers.get("upgrade", "").strip().lower() == "websocket"
    _drop(headers, tokens, HOP_BY_HOP - {"te"} if http2 else HOP_BY_HOP)
    if upgrading:
        headers["connection"], headers["upgrade"] = "Upgrade", "websocket"


def clean_response(response: http.Response) -> None:
    """What an origin says about its own connection is not the workload's business; nor is a way round the gate, or a
    word that only the gate may say."""
    headers = response.headers
    protocol = headers.get("upgrade", "") if response.status_code == 101 else ""
    _drop(headers, listed(headers.get("connection", "")), HOP_BY_HOP | {"alt-svc"})
    if protocol:
        headers["connection"], headers["upgrade"] = "Upgrade", protocol


def _drop(headers: http.Headers, named: set[str], ended: frozenset[str]) -> None:
    """Take out what ends here, what `Connection` names, and what is for the gate alone."""
    leaving = {name.encode("utf-8", "surrogateescape") for name in (*(named - KEPT), *ended)}
    kept = tuple(field for field in headers.fields if not _ends(field[0].lower(), leaving))
    if len(kept) < len(headers.fields):
        headers.fields = kept


def _ends(name: bytes, leaving: set[bytes]) -> bool:
    return name in leaving or name.startswith(CONTROL)
