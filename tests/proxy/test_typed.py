"""Methods of `outgate.addon.Addon` in a running gate: what they are shown, what they may do, and how they deny."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outgate.addon import Addon, Denied, Destination
from outgate.policy.model import HeaderInjection
from outgate.proxy.typed import extensions
from proxy.gates import CALLER, gate, origin, to
from proxy.wires import LIMIT

GET = b"GET /echo?x=1 HTTP/1.1\r\nHost: api.example\r\nX-Team: a\r\nConnection: close\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: api.example\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
CHUNKED = (
    b"POST /echo HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n%s0\r\n\r\n"
)


async def ask(running, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(data)
    try:
        async with asyncio.timeout(LIMIT):
            return await reader.read()
    finally:
        writer.close()


@asynccontextmanager
async def asked(authority, *addons, data=GET, headers=(), **limits):
    """What the client got, what the origin got, and the line of the log."""
    chain = [part for number, addon in enumerate(addons) for part in extensions(addon, f"addon {number}")]
    async with origin(b"HTTP/1.1 200 OK\r\nX-Origin: o\r\nContent-Length: 2\r\n\r\nok") as there:
        known = replace(to("api.example", 80, there.port), headers=headers)
        async with gate(authority, known, addons=tuple(chain), **limits) as running:
            received = await ask(running, data)
            lines = await running.lines()
            yield received, there.received, lines[0]


class Notes(Addon):
    """Keeps what it is shown."""

    def __init__(self, limit=0):
        self.requests, self.responses, self.limit = [], [], limit

    def body_limit(self, request):
        return self.limit

    def on_request(self, request):
        self.requests.append(request)

    def on_response(self, request, response):
        self.responses.append(response)


async def test_an_addon_is_shown_what_was_decided(authority):
    notes = Notes()
    async with asked(authority, notes) as (received, _, line):
        assert received.startswith(b"HTTP/1.1 200 ")
    (request,) = notes.requests
    assert (request.method, request.path, request.body) == ("GET", "/echo?x=1", None)
    assert request.destination == Destination("api.example", 80, None, line["destination"], tls=False)
    assert request.headers == {"host": "api.example", "x-team": "a"}
    assert replace(request.caller, address="", principal="") == CALLER
    assert request.caller.principal == f"cluster.local/ns/{CALLER.namespace}/sa/{CALLER.service_account}"
    assert request.decision.allowed
    assert request.generation == line["generation"] == "test"
    assert notes.responses[0].status == 200
    assert notes.responses[0].headers["x-origin"] == "o"


class Says(Addon):
    """Notes something on both ways, and denies what it is told to."""

    def __init__(self, denies=False):
        self.denies = denies

    def on_request(self, request):
        request.note("asked", request.method)
        if self.denies:
            raise Denied("quota_used", "no more")

    def on_response(self, request, response):
        response.note("answered", f"{response.status} after {request.notes['asked']}")


@pytest.mark.parametrize(
    ("denies", "expected"), [(False, {"asked": "GET", "answered": "200 after GET"}), (True, {"asked": "GET"})]
)
async def test_what_an_addon_notes_is_told_of_the_exchange(authority, denies, expected):
    events = []
    async with origin() as there:
        chain = extensions(Says(denies), "says")
        async with gate(authority, to("api.example", 80, there.port), addons=tuple(chain)) as running:
            running.engine.plane.log.outputs.append(events.append)
            await ask(running, GET)
            await running.lines()
    assert [event.extra for event in events] == [expected]


async def test_denied_requests_are_not_shown(authority):
    notes = Notes()
    async with asked(authority, notes, data=GET.replace(b"api.", b"evil.")) as (received, _, _):
        assert received.startswith(b"HTTP/1.1 502 ")
    assert notes.requests == notes.responses == []


class Sets(Addon):
    def __init__(self, name, value, awaits=False):
        self.name, self.value, self.awaits = name, value, awaits

    def on_request(self, request):
        return self.later(request) if self.awaits else self.now(request)

    def now(self, request):
        request.set_header(self.name, request.headers.get(self.name, "") + self.value)
        request.remove_header("x-team")

    async def later(self, request):
        await asyncio.sleep(0)
        self.now(request)

    def on_response(self, request, response):
        response.set_header("x-seen", response.headers.get("x-seen", "") + self.value)


@pytest.mark.parametrize("awaits", [False, True])
async def test_addons_set_headers_in_their_order(authority, awaits):
    addons = (Sets("X-Signed", "1", awaits), Sets("x-signed", "2", awaits), Sets("x-signed", "3"))
    async with asked(authority, *addons) as (received, heads, _):
        assert b"x-seen: 123\r\n" in received
    assert b"x-signed: 123\r\n" in heads[0].lower()
    assert b"x-team" not in heads[0].lower()


class Denies(Addon):
    def __init__(self, method, error):
        setattr(self, method, self.fail)
        self.error = error

    def on_request(self, request):
        return None

    def on_response(self, request, response):
        return None

    def fail(self, *_):
        raise self.error


@pytest.mark.parametrize("method", ["on_request", "on_response"])
async def test_an_addon_denies_with_its_own_code_and_reason(authority, method):
    later = Notes()
    denies = Denies(method, Denied("quota_used", "no more today", 429))
    async with asked(authority, denies, later) as (received, heads, line):
        pass
    assert received.startswith(b"HTTP/1.1 429 ")
    told = json.loads(received.partition(b"\r\n\r\n")[2])["outgate"]
    assert (told["verdict"], told["code"], told["reason"]) == ("deny", "quota_used", "no more today")
    assert (line["verdict"], line["code"], line["reason"]) == ("deny", "quota_used", "no more today")
    assert (heads == []) == (method == "on_request")
    assert later.responses == []


@pytest.mark.parametrize("method", ["on_request", "on_response", "body_limit"])
async def test_an_addon_that_raises_denies(authority, method):
    async with asked(authority, Denies(method, ValueError("secret"))) as (received, heads, line):
        pass
    assert received.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in received
    assert (line["verdict"], line["code"]) == ("deny", "policy_failure")
    assert (heads == []) == (method != "on_response")


async def test_an_addon_that_hangs_denies(authority):
    class Hangs(Addon):
        async def on_request(self, request):
            await asyncio.Event().wait()

    async with asked(authority, Hangs(), hook_timeout=0.05) as (received, heads, _):
        assert received.startswith(b"HTTP/1.1 500 ")
    assert heads == []


async def test_an_addon_that_tries_to_set_what_is_the_gates_denies(authority):
    async with asked(authority, Sets("host", "evil.example")) as (received, heads, _):
        assert received.startswith(b"HTTP/1.1 500 ")
    assert heads == []


async def test_plain_hooks_deny_with_a_code_too(authority):
    class Plain:
        def requestheaders(self, flow):
            raise Denied("not_today", "come back")

    async with asked(authority, Plain()) as (received, heads, line):
        assert received.startswith(b"HTTP/1.1 403 ")
    assert line["code"] == "not_today"
    assert heads == []


async def test_a_class_may_have_methods_and_hooks(authority):
    class Both(Notes):
        def requestheaders(self, flow):
            self.requests.append(flow.request.path)

    both = Both()
    async with asked(authority, both):
        pass
    method, hook = both.requests
    assert (method.path, hook) == ("/echo?x=1", "/echo?x=1")


async def test_credentials_are_not_shown(authority, tmp_path):
    (tmp_path / "token").write_bytes(b"s3cr3t-s3cr3t-s3cr3t")
    notes = Notes()
    injected = (HeaderInjection("authorization", file=str(tmp_path / "token")),)
    async with asked(authority, notes, headers=injected) as (_, heads, _):
        assert b"s3cr3t-s3cr3t-s3cr3t" in heads[0]
    assert "s3cr3t" not in repr(notes.requests) + repr(notes.responses)


# Bodies.


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (POST % (5, b"hello"), b"hello"),
        (POST % (0, b""), b""),
        (GET, b""),
        (CHUNKED % b"3\r\nhel\r\n2\r\nlo\r\n", b"hello"),
    ],
    ids=["length", "empty", "none", "chunked"],
)
async def test_an_addon_may_wait_for_the_body(authority, data, body):
    notes = Notes(limit=5)
    async with asked(authority, notes, Sets("x-signed", "1"), data=data) as (received, heads, line):
        assert received.startswith(b"HTTP/1.1 200 ")
    assert notes.requests[0].body == body
    assert b"x-signed: 1\r\n" in heads[0].lower()
    assert line["sent"] == len(body)


@pytest.mark.parametrize("data", [POST % (6, b"hello!"), CHUNKED % b"6\r\nhello!\r\n"], ids=["length", "chunked"])
async def test_a_body_that_is_longer_does_not_leave(authority, data):
    notes = Notes(limit=5)
    async with asked(authority, notes, data=data) as (received, heads, line):
        assert received.startswith(b"HTTP/1.1 413 ")
    assert heads == notes.requests == []
    assert (line["verdict"], line["code"]) == ("deny", "body_too_long")


async def test_a_body_that_was_waited_for_leaves_whole(authority):
    got = []

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        got.append(await reader.readexactly(100_000))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known, chain = to("api.example", 80, server.sockets[0].getsockname()[1]), extensions(Notes(100_000), "notes")
    async with server, gate(authority, known, addons=tuple(chain)) as running:
        body = bytes(range(250)) * 400
        assert (await ask(running, POST % (len(body), body))).startswith(b"HTTP/1.1 200 ")
    assert got == [body]
