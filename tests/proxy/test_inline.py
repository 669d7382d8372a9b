"""Whatever fails while a live message is looked at is a denial, and nothing of the message goes on."""

import asyncio
import json
import re
import threading
from dataclasses import replace

import pytest
from mitmproxy import http

from outgate.policy.model import Source
from outgate.policy.redaction_model import (
    Action,
    Inline,
    KeepingPolicy,
    Matching,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Strategy,
)
from outgate.problems import Where
from outgate.redact.exchange import Response
from outgate.redact.live.look import Look
from proxy.gates import gate, origin, to
from proxy.wires import LIMIT, until

CARD = b"4111111111111111"
RULES = (RedactionRule("cards", detectors=("card",), replacement=Replacement(Strategy.MASK, keep=4)),)
WATCHED = RedactionPolicy("EgressRedaction/a/b", Matching(("api.example",)), RULES, inline=Inline(Action.MASK))
KEEPING = KeepingPolicy((WATCHED,))
BODY = b'{"a": "%b"}' % CARD
POST = b"POST /%b HTTP/1.1\r\nHost: %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"


def post(body=BODY, path=b"", host=b"api.example", kind=b"application/json"):
    return POST % (path, host, kind, len(body), body)


def chunked(body=BODY, trailers=b"", kind=b"application/json"):
    head = b"POST / HTTP/1.1\r\nHost: api.example\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
    return head + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailers)


async def told(address, request):
    """All of an answer, or what came of it before it was broken off."""
    reader, writer = await asyncio.open_connection(*address)
    received = b""
    try:
        writer.write(request)
        async with asyncio.timeout(LIMIT):
            while not ended(received) and (data := await reader.read(65536)):
                received += data
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


def ended(received):
    head, found, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    if not found:
        return False
    if length is not None:
        return len(body) >= int(length[1])
    return b"grpc-status" in head or body.startswith(b"0\r\n") or b"\r\n0\r\n" in body


def raising(error):
    def raises(*_, **__):
        raise error

    return raises


STAGES = (
    "outgate.proxy.inline.Inlines.of",
    "outgate.proxy.inline.Inline.begin",
    "outgate.proxy.inline.Inline.wants",
    "outgate.proxy.inline.Inline.at",
    "outgate.proxy.inline.Inline.leaving",
    "outgate.proxy.inline.message_of",
    "outgate.proxy.inline.must_be_whole",
    "outgate.proxy.inline.write",
    "outgate.redact.live.look.Look.at",
    "outgate.redact.live.look.covered",
    "outgate.redact.live.look.Side",
    "outgate.redact.live.look.Sweep",
    "outgate.redact.live.look.swept",
    "outgate.redact.live.rules.RuleBook",
    "outgate.redact.sides.decode",
    "outgate.redact.sides.Heads.field",
    "outgate.redact.sides.Heads.target",
    "outgate.redact.survey.Survey.look",
    "outgate.redact.documents.Document.rendered",
    "outgate.redact.ledger.Ledger.manifest",
)


@pytest.mark.parametrize("error", [RuntimeError("4111"), MemoryError(), RecursionError(), SystemExit()], ids=repr)
@pytest.mark.parametrize("stage", STAGES)
async def test_nothing_leaves_where_a_stage_fails(authority, monkeypatch, stage, error):
    monkeypatch.setattr(stage, raising(error))
    async with origin() as made, gate(authority, to("api.example", 80, made.port), keeping=KEEPING) as running:
        answer = await told(running.address, post())
        assert not answer.startswith(b"HTTP/1.1 200")
        assert CARD not in answer
        assert made.received == []


PIECES = (
    "outgate.redact.live.stream.Stream.feed",
    "outgate.proxy.inline.passing",
    "outgate.redact.live.units.Frames.feed",
)


@pytest.mark.parametrize("stage", PIECES)
async def test_no_message_of_a_call_leaves_where_a_stage_fails(authority, monkeypatch, stage):
    monkeypatch.setattr(stage, raising(MemoryError()))
    async with origin() as made, gate(authority, to("api.example", 80, made.port), keeping=KEEPING) as running:
        said = b"\x0a\x10" + CARD
        message = b"\0" + len(said).to_bytes(4, "big") + said
        answer = await told(running.address, chunked(message, kind=b"application/grpc"))
        assert b"grpc-status: 7" in answer
        assert CARD not in b"".join(made.received)


ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


async def test_nothing_of_an_answer_arrives_where_it_cannot_be_looked_at(authority, monkeypatch):
    before = Look.at

    def failing(self, message):
        if isinstance(message, Response):
            raise MemoryError
        return before(self, message)

    monkeypatch.setattr(Look, "at", failing)
    async with origin(ANSWER) as made, gate(authority, to("api.example", 80, made.port), keeping=KEEPING) as running:
        answer = await told(running.address, post(b"{}"))
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["outgate"]["code"] == "redaction_refused"
        assert CARD not in answer


async def test_what_hangs_is_refused_and_others_go_on(authority, monkeypatch):
    goes_on = threading.Event()
    monkeypatch.setattr(Look, "at", lambda self, message: goes_on.wait(LIMIT) and None)
    async with origin() as made:
        known = [to("api.example", 80, made.port), to("other.example", 80, made.port)]
        async with gate(authority, *known, keeping=KEEPING, hook_timeout=1.0) as running:
            hanging = asyncio.create_task(told(running.address, post()))
            assert (await told(running.address, post(host=b"other.example"))).startswith(b"HTTP/1.1 200")
            assert not hanging.done()
            answer = await hanging
            goes_on.set()
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["outgate"]["code"] == "redaction_refused"
            assert len(made.received) == 1


async def test_there_is_room_for_so_much_and_it_is_given_back(authority):
    async with origin() as made, gate(authority, to("api.example", 80, made.port), keeping=KEEPING) as running:
        room = running.engine.inlines.room
        room.most = 100
        assert (await told(running.address, post(b'["%b"]' % (b"a" * 200)))).startswith(b"HTTP/1.1 403")
        assert made.received == []
        assert (await told(running.address, post(b'["a"]'))).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0)
        assert room.held == 0


async def test_what_an_addon_adds_is_looked_at_too(authority):
    class Adding:
        def request(self, flow: http.HTTPFlow) -> None:
            flow.request.headers["x-card"] = CARD.decode()

        def server_connect(self, data) -> None:
            pass

    async with (
        origin() as made,
        gate(authority, to("api.example", 80, made.port), keeping=KEEPING, addons=(Adding(),)) as running,
    ):
        assert (await told(running.address, post(b"{}"))).startswith(b"HTTP/1.1 200")
        (received,) = made.received
        assert b"x-card: ************1111" in received


async def test_a_trailer_of_an_answer_that_passes_in_pieces(authority):
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        b"9\r\ndata: 1\n\n\r\n0\r\nx-card: %b\r\n\r\n" % CARD
    )
    async with origin(answer) as made, gate(authority, to("api.example", 80, made.port), keeping=KEEPING) as running:
        received = await told(running.address, post(b"{}"))
        assert CARD not in received
        assert b"data: 1" in received


MOVED = replace(WATCHED, source=Source(Where("elsewhere.yaml", 7), "EgressRedaction", "b"))
OTHERS = replace(WATCHED, inline=Inline(Action.BLOCK))


def streams(plane):
    """Of the connections that have got as far as HTTP."""
    return [stream for live in plane.live if hasattr(live, "http") for stream in live.http.unreported()]


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [((), (WATCHED,), True), ((WATCHED,), (OTHERS,), True), ((WATCHED,), (MOVED,), False), ((WATCHED,), (), False)],
    ids=["first rules", "other rules", "the same elsewhere", "none any more"],
)
async def test_what_is_open_ends_where_other_rules_are_about_it(authority, before, after, ends):
    goes_on = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"9\r\ndata: 1\n\n\r\n")
        await goes_on.wait()
        writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known = to("api.example", 80, server.sockets[0].getsockname()[1])
    async with gate(authority, known, keeping=KeepingPolicy(before)) as running:
        asking = asyncio.create_task(told(running.address, post(b"{}")))
        plane = running.engine.plane
        await until(lambda: any(stream.response_begun for stream in streams(plane)))
        plane.snapshot.swap(replace(plane.snapshot.policy, generation="next", keeping=KeepingPolicy(after)))
        for live in list(plane.live):
            live.judge_again(plane.snapshot.policy)
        goes_on.set()
        assert (await asking).endswith(b"0\r\n\r\n") is not ends
        assert running.counts["revoked"] == ends
    server.close()
