"""What addons do to a request after it was judged: its destination and framing stand, the rest is judged again, and
none of them sees a credential."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network

import pytest
from mitmproxy import http

from outgate.policy.access_model import Action, Attribute
from outgate.policy.model import Defaults, HeaderInjection
from policy.access_building import isin, layers, policy, rule
from proxy.gates import gate, origin, to
from proxy.wires import LIMIT

SECRET = b"Bearer s3cr3t-s3cr3t-s3cr3t"
NO_DELETE = layers(
    policy(Action.DENY, rule(isin(Attribute.METHOD, "DELETE")), name="no-delete"),
    policy(Action.DENY, rule(isin(Attribute.PATH, "/admin*")), name="no-admin"),
    policy(Action.DENY, rule(isin(Attribute.HEADER, "boss", key="x-role")), name="no-boss"),
)
POST = b"POST /echo HTTP/1.1\r\nHost: api.example\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
GET = b"GET /echo HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"


class At:
    """An addon that does something to the request at one hook."""

    def __init__(self, hook, do):
        self.flow = None
        setattr(self, hook, lambda subject: self.act(subject, do))
        if hook.startswith("server_"):
            self.requestheaders = self.keep

    def keep(self, flow):
        self.flow = flow

    def act(self, subject, do):
        do((self.flow or subject).request)


async def ask(running, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(data)
    received = b""
    try:
        async with asyncio.timeout(LIMIT):
            while piece := await reader.read(65536):
                received += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


async def through(authority, addon, data=GET, access=NO_DELETE, known=None, defaults=None):
    """What the client got, the heads that the origin got, and the log."""
    async with origin() as there:
        place = known or to("api.example", 80, there.port)
        if known is not None:
            place = replace(known, ports=to("api.example", 80, there.port).ports)
        async with gate(authority, place, addons=(addon,), access=access, defaults=defaults) as running:
            received = await ask(running, data)
            lines = await running.lines()
    return received, there, lines[0]


SITE = Defaults(nat64=(ip_network("2001:db8:64::/96"),))


def setting(name, value):
    def do(request):
        setattr(request, name, value)

    return do


def header(name, value):
    def do(request):
        if value is None:
            del request.headers[name]
        else:
            request.headers[name] = value

    return do


BEFORE = ("requestheaders", "request", "server_connect", "server_connected")


@pytest.mark.parametrize("hook", BEFORE)
@pytest.mark.parametrize(
    "do",
    [setting("method", "DELETE"), setting("path", "/admin/users"), header("x-role", "boss")],
    ids=["method", "path", "header"],
)
async def test_what_the_policy_denies_of_a_changed_request_does_not_leave(authority, hook, do):
    received, there, line = await through(authority, At(hook, do))
    assert received.startswith(b"HTTP/1.1 403 ")
    assert b"an addon changed the request" in received
    assert there.received == []
    assert (line["verdict"], line["code"]) == ("deny", "refused_by_rule")


@pytest.mark.parametrize("defaults", [None, SITE], ids=["", "NAT64 of the site"])
@pytest.mark.parametrize("hook", BEFORE)
async def test_what_the_policy_allows_of_a_changed_request_leaves(authority, hook, defaults):
    received, there, line = await through(authority, At(hook, setting("path", "/other?x=1")), defaults=defaults)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert there.received[0].startswith(b"GET /other?x=1 HTTP/1.1\r\n")
    assert (line["verdict"], line["path"]) == ("allow", "/other")


ELSEWHERE = {
    "host": setting("host", "evil.example"),
    "port": setting("port", 8081),
    "scheme": setting("scheme", "https"),
    "authority": setting("authority", "evil.example"),
    "host header": header("host", "evil.example"),
    "second host header": lambda request: request.headers.add("Host", "evil.example"),
    "no host header": header("host", None),
    "version": setting("http_version", "HTTP/2.0"),
    "form": lambda request: (
        setattr(request, "http_version", "HTTP/2.0"),
        setattr(request, "authority", "api.example"),
        request.headers.__setitem__("host", "evil.example"),
    ),
    "url": setting("url", "http://evil.example/"),
}


@pytest.mark.parametrize("hook", BEFORE)
@pytest.mark.parametrize("what", ELSEWHERE)
async def test_nobody_is_sent_elsewhere(authority, hook, what):
    received, there, line = await through(authority, At(hook, ELSEWHERE[what]))
    assert received.startswith(b"HTTP/1.1 502 ")
    assert there.received == []
    assert (line["verdict"], line["code"]) == ("deny", "policy_failure")


async def test_another_request_in_the_place_of_the_judged_one_does_not_leave(authority):
    other = http.Request.make("GET", "http://evil.example/")

    class Swap:
        def requestheaders(self, flow):
            flow.request = other

    received, there, _ = await through(authority, Swap())
    assert received.startswith(b"HTTP/1.1 502 ")
    assert there.received == []


SMUGGLED = (
    b"POST /echo HTTP/1.1\r\nHost: api.example\r\nContent-Length: %d\r\n\r\nDELETE /admin HTTP/1.1\r\nHost: x\r\n\r\n"
)
FRAMINGS = {
    "shorter": header("content-length", "0"),
    "none": header("content-length", None),
    "both": header("transfer-encoding", "chunked"),
    "connection": header("connection", "content-length"),
    "upgrade": header("upgrade", "websocket"),
    "control": header("x-outgate-flags", "UF"),
    "no token": lambda request: setattr(request.headers, "fields", (*request.headers.fields, (b"a b", b"c"))),
    "line break": lambda request: setattr(request.headers, "fields", (*request.headers.fields, (b"a", b"c\r\nd: e"))),
    "streamed otherwise": setting("stream", lambda data: data * 2),
}


@pytest.mark.parametrize("what", FRAMINGS)
async def test_where_a_message_ends_is_not_an_addons_to_say(authority, what):
    data = SMUGGLED % 36
    received, there, _ = await through(authority, At("requestheaders", FRAMINGS[what]), data)
    assert received.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 400 "))
    assert there.received == []


async def test_a_body_given_to_a_request_without_one_is_announced(authority):
    received, there, _ = await through(authority, At("request", setting("content", b"hello")), GET)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 5\r\n" in there.received[0]


async def test_trailers_that_an_addon_sets_are_only_trailers(authority):
    got = []

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    class Trails:
        def request(self, flow):
            fields = [(b"x-sum", b"1"), (b"content-length", b"0"), (b"x-y", b"a\r\n\r\nDELETE /admin HTTP/1.1")]
            flow.request.trailers = http.Headers(fields)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, listener.sockets[0].getsockname()[1])
    data = POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked").replace(
        b"hello", b"5\r\nhello\r\n0\r\n\r\n"
    )
    async with listener, gate(authority, known, addons=(Trails(),)) as running:
        assert (await ask(running, data)).startswith(b"HTTP/1.1 200 ")
    assert got == [b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"]


class Looks:
    """Sees everything that an addon is shown of a request and its answer."""

    def __init__(self):
        self.seen = []

    def __getattr__(self, name):
        hooks = ("requestheaders", "request", "responseheaders", "response", "error")
        if name in hooks:
            return self.look
        if name in ("server_connect", "server_connected"):
            return lambda data: self.look(self.flow)
        raise AttributeError(name)

    def look(self, flow):
        self.flow = flow
        self.seen += [str(flow.request.headers.fields), str(flow.response.headers.fields) if flow.response else ""]
        self.seen.append(str(flow.get_state()))


@pytest.mark.parametrize("data", [GET, POST], ids=["bodiless", "streamed"])
async def test_a_credential_leaves_with_the_request_and_no_addon_sees_it(authority, tmp_path, data):
    file = tmp_path / "token"
    file.write_bytes(SECRET)
    known = replace(to("api.example", 80, 80), headers=(HeaderInjection("authorization", file=str(file)),))
    looks = Looks()
    received, there, _ = await through(authority, looks, data, (), known)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"authorization: " + SECRET in there.received[0].replace(b"Authorization", b"authorization")
    assert looks.seen
    assert "s3cr3t" not in "".join(looks.seen)


@pytest.mark.parametrize("value", ["mine", None], ids=["set", "removed"])
async def test_an_addon_does_not_replace_a_credential_or_uncover_it(authority, tmp_path, value):
    file = tmp_path / "token"
    file.write_bytes(SECRET)
    known = replace(to("api.example", 80, 80), headers=(HeaderInjection("authorization", file=str(file)),))

    def do(request):
        request.headers["accept-encoding"], request.headers["range"] = "gzip", "bytes=0-1"
        if value:
            request.headers["authorization"] = value

    _, there, _ = await through(authority, At("server_connected", do), GET, (), known)
    head = there.received[0].lower()
    assert head.count(b"authorization:") == 1
    assert SECRET.lower() in head
    assert b"gzip" not in head
    assert b"range" not in head
