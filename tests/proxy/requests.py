"""Requests as they are received, and the ways that they take when they are judged."""

from mitmproxy.http import Headers, Request
from mitmproxy.net.http import http1

from outgate.policy.decide import decide
from outgate.policy.model import Attempt, Code, Identity, Protocol, Upstream, UpstreamTLS
from outgate.policy.names import Refusal
from outgate.policy.snapshot import Policy
from outgate.proxy import view
from outgate.proxy.exchange import Exchange, Facts
from outgate.settings import ListenMode
from outgate.upstream.target import target_of
from policy.building import destination

CALLER = Identity(namespace="prod", service_account="web")


def facts(port=80, *, sni=None, connect=None, address="192.0.2.1", encrypted=None) -> Facts:
    encrypted = sni is not None if encrypted is None else encrypted
    return Facts(ListenMode.TRANSPARENT, CALLER, port, address, connect, sni, encrypted)


def received(text: str) -> Request:
    """A request as HTTP/1 sent it."""
    return http1.read_request_head(text.encode("latin-1").replace(b"\n", b"\r\n").split(b"\r\n"))


def get(*headers: str, line: str = "GET / HTTP/1.1") -> Request:
    return received("\n".join((line, *headers)))


def http2(authority: str = "api.example", path: str = "/", method: str = "GET", **headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return parsed(method.encode(), authority.encode(), path.encode(), b"HTTP/2.0", Headers(fields))


def parsed(method: bytes, authority: bytes, path: bytes, version: bytes, headers: Headers) -> Request:
    """A request as it comes out of a parser, whatever it holds."""
    return Request("", 0, method, b"http", authority, path, version, headers, b"", None, 0, 0)


def attempt(request: Request, known: Facts | None = None, scheme: str = "") -> Attempt:
    made = view.attempt_of(request, known or facts(), scheme)
    assert isinstance(made, Attempt), made
    return made


def refused(request: Request, known: Facts | None = None, scheme: str = "") -> Code:
    made = view.attempt_of(request, known or facts(), scheme)
    assert isinstance(made, Refusal), made
    return made.code


def leaving(request: Request, known: Facts | None = None, *, tls: bool = False, scheme: str = "") -> Request:
    """The request as it leaves, having been allowed."""
    named = allowed(request, known, tls=tls, scheme=scheme).authority
    assert named == (request.authority if request.is_http2 else request.headers.get("host", ""))
    return request


def allowed(request: Request, known: Facts | None = None, *, tls: bool = False, scheme: str = "") -> Exchange:
    """The exchange of a request that was judged and made canonical."""
    known = known or facts()
    exchange = Exchange(known)
    exchange.attempt = attempt(request, known, scheme)
    spoken = Protocol.HTTPS if known.encrypted else Protocol.HTTP
    wanted = destination("api.example", "*.x.example", port=exchange.attempt.port, protocol=spoken)
    if tls:
        port = wanted.ports[0]
        port = type(port)(port.number, port.protocol, Upstream(443, tls=UpstreamTLS()), source=port.source)
        wanted = destination("api.example", port=port.number, ports=(port,))
    decision = decide(Policy("test", destinations=(wanted,)), exchange.attempt)
    assert decision.allowed, decision.reason
    exchange.target = target_of(decision, exchange.attempt, "test", ())
    view.canonicalise(request, exchange)
    return exchange
