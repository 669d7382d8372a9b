"""The short way of plain requests does what the layers do: the same bytes to both sides, the same line in the log."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from outgate.proxy import lane
from proxy.gates import Running, gate, to
from proxy.wires import LIMIT, until

QUIET, PATIENT = 0.7, 5.0
"""Seconds after which nothing more is expected."""
WARM = b"GET /warm HTTP/1.1\r\nHost: %s\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
OWN = {"time", "duration_ms", "upstream", "endpoint", "source", "host", "destination", "rule", "reason"}
"""What of a line differs from one connection to the next, or holds the name."""

PLAIN = b"GET /a?b=c HTTP/1.1\r\nHost: HOST\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REQUESTS = {
    "plain": PLAIN,
    "post": POST,
    "put": POST.replace(b"POST", b"PUT"),
    "more than announced": POST + b"d",
    "less than announced": POST[:-1],
    "head": PLAIN.replace(b"GET", b"HEAD"),
    "options *": PLAIN.replace(b"GET /a?b=c", b"OPTIONS *"),
    "lower method": PLAIN.replace(b"GET", b"get"),
    "close": PLAIN.replace(b"keep-alive", b"close"),
    "close and more": PLAIN.replace(b"keep-alive", b"close, x-a").replace(b"Accept", b"X-A"),
    "1.0": PLAIN.replace(b"1.1", b"1.0"),
    "pipelined": PLAIN + PLAIN,
    "no host": PLAIN.replace(b"Host: HOST\r\n", b""),
    "two hosts": PLAIN.replace(b"Host: HOST\r\n", b"Host: HOST\r\nHost: HOST\r\n"),
    "another host": PLAIN.replace(b"HOST", b"other.example"),
    "host with port": PLAIN.replace(b"HOST", b"HOST:80"),
    "host upper case with dot": PLAIN.replace(b"Host: HOST", b"hOST: HOST."),
    "control header": PLAIN.replace(b"Accept", b"X-Outgate-Flags"),
    "hop by hop": PLAIN.replace(b"Accept: */*", b"TE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: x"),
    "expect": POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
    "chunked": POST.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked")[:-3] + b"3\r\nabc\r\n0\r\n\r\n",
    "both lengths": POST.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length"),
    "two lengths": POST.replace(b"Content-Length", b"Content-Length: 3\r\nContent-Length"),
    "signed length": POST.replace(b": 3", b": +3"),
    "length with zero": POST.replace(b": 3", b": 03"),
    "bare line feed": PLAIN.replace(b"\r\nAccept", b"\nAccept"),
    "folded": PLAIN.replace(b"*/*", b"*/*\r\n  ;q=1"),
    "space before colon": PLAIN.replace(b"Accept:", b"Accept :"),
    "null": PLAIN.replace(b"*/*", b"*\x00"),
    "latin": PLAIN.replace(b"*/*", b"caf\xe9").replace(b"Accept", b"X-Name"),
    "tab": PLAIN.replace(b"*/*", b"\ta\tb\t"),
    "empty value": PLAIN.replace(b" */*", b""),
    "path in latin": PLAIN.replace(b"/a", b"/\xe9"),
    "fragment": PLAIN.replace(b"?b", b"#b"),
    "upgrade": PLAIN.replace(b"Connection: keep-alive", b"Connection: upgrade\r\nUpgrade: h2c"),
    "authenticates": PLAIN.replace(b"Accept: */*", b"Authorization: Negotiate abc"),
    "blank line first": b"\r\n" + PLAIN,
    "grpc": PLAIN.replace(b"Accept: */*", b"Content-Type: application/grpc"),
    "doubled": PLAIN.replace(b"Accept: */*", b"A: 1\r\na: 2\r\nCookie: b\r\nCookie: c"),
}
ANSWERED = ["plain", "post", "put", "head", "close"]
"""Of these, those that are tried with every answer."""
ANSWERS = {
    "plain": OK,
    "no length": b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the end",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nX-",
    "garbage": b"SSH-2.0-OpenSSH\r\n\r\n",
    "short": OK[:-1],
    "long": OK + b"more",
    "1.0": OK.replace(b"1.1", b"1.0"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    "chunks": CHUNKED + b"2\r\nok\r\n3;x=y\r\nyes\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\nX-Outgate-A: b\r\n\r\n",
    "bad chunk": CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",
    "immense chunk": CHUNKED + b"ffffffffffffffffff\r\nok",
    "chunks that end early": CHUNKED + b"2\r\nok\r\n",
    "chunks, and a length": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n") + b"2\r\nok\r\n0\r\n\r\n",
    "gzip in chunks": CHUNKED.replace(b"chunked", b"gzip, chunked") + b"2\r\nok\r\n0\r\n\r\n",
    "close": OK.replace(b"content", b"Connection: close\r\ncontent"),
    "keep-alive": OK.replace(b"content", b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nAlt-Svc: h3\r\ncontent"),
    "named by connection": OK.replace(b"content", b"Connection: x-a\r\nX-A: b\r\ncontent"),
    "two lengths": OK.replace(b"content", b"content-length: 2\r\ncontent"),
    "signed length": OK.replace(b": 2", b": +2"),
    "control header": OK.replace(b"content", b"X-Outgate-Flags: UF\r\ncontent"),
    "control character": OK.replace(b"content", b"X-A: a\x00b\r\ncontent"),
    "bare line feed": OK.replace(b"\r\ncontent", b"\ncontent"),
    "folded": OK.replace(b"content", b"X-A: b\r\n c\r\ncontent"),
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfree",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    "bad hint": b"HTTP/1.1 103 Early Hints\r\nX-A: a\x00b\r\n\r\n" + OK,
    "authenticates": OK.replace(b"content", b"WWW-Authenticate: NTLM abc\r\ncontent").replace(b"200 OK", b"401 No"),
    "status of 6": OK.replace(b"200", b"600"),
    "status of 4 digits": OK.replace(b"200", b"2000"),
    "no reason": OK.replace(b" OK", b" "),
    "many cookies": OK.replace(b"content", b"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\ncontent"),
    "empty body": OK.replace(b": 2", b": 0")[:-2],
    "no fields": b"HTTP/1.1 200 OK\r\n\r\n",
    "many fields": OK.replace(b"content", b"".join(b"X-%d: a\r\n" % n for n in range(300)) + b"content"),
    "long head": OK.replace(b"content", b"X-A: " + b"a" * 80_000 + b"\r\ncontent"),
}


@dataclass
class Scripted:
    """An origin that answers `OK` to a request for /warm, and its answer to everything else. Then it may end."""

    answer: bytes
    ends: bool
    received: bytearray = field(default_factory=bytearray)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if data.startswith(b"GET /warm "):
                    writer.write(OK)
                    continue
                self.received += data
                if self.received.count(b"\r\n\r\n") == 1 and self.answer:
                    writer.write(self.answer)
                if self.ends:
                    return
        except OSError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def origins(cases: list[tuple[bytes, bytes, bool]]) -> AsyncIterator[list[Scripted]]:
    made, servers = [Scripted(answer, ends) for _, answer, ends in cases], []
    try:
        for one in made:
            server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
            servers.append(server)
            one.port = server.sockets[0].getsockname()[1]
        yield made
    finally:
        for server in servers:
            server.close()


async def read_until_quiet(reader: asyncio.StreamReader, quiet: float) -> tuple[bytes, str]:
    """What came, and how it ended."""
    received = bytearray()
    try:
        while True:
            async with asyncio.timeout(quiet):
                data = await reader.read(65536)
            if not data:
                return bytes(received), "closed"
            received += data
    except TimeoutError:
        return bytes(received), "open"
    except OSError:
        return bytes(received), "reset"


async def sent(running: Running, host: str, request: bytes, quiet: float) -> tuple[bytes, str]:
    """What a client gets for a request on a connection on which one has been answered before."""
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        writer.write(WARM % host.encode())
        async with asyncio.timeout(LIMIT):
            await reader.readexactly(len(OK))
        writer.write(request.replace(b"HOST", host.encode()))
        return await read_until_quiet(reader, quiet)
    finally:
        writer.close()


@dataclass
class Outcome:
    """What a case came to, without what differs from one run to the next."""

    answer: bytes
    end: str
    asked: bytes
    lines: list[dict[str, Any]]


async def outcomes(authority, cases: list[tuple[bytes, bytes, bool]], quiet: float, direct: bool) -> list[Outcome]:
    async with origins(cases) as made:
        names = [f"h{number}.example" for number in range(len(cases))]
        known = [to(name, 80, one.port) for name, one in zip(names, made, strict=True)]
        async with gate(authority, *known) as running:
            if not direct:
                running.engine.plane.direct = None
            work = (sent(running, name, case[0], quiet) for name, case in zip(names, cases, strict=True))
            answers = await asyncio.gather(*work)
            await until(lambda: not running.listener.open)
            assert running.counts["crashes"] == 0
            running.engine.plane.log.groups.flush()
            running.engine.log.close()
            lines = running.stream.getvalue().splitlines()
        return [
            Outcome(unnamed(answer, name), end, unnamed(bytes(one.received), name), about(lines, name))
            for (answer, end), name, one in zip(answers, names, made, strict=True)
        ]


def unnamed(text: bytes, name: str) -> bytes:
    """Without the name, and the length of what holds it."""
    lines = text.replace(name.encode(), b"HOST").split(b"\r\n")
    ours = b'{"outgate"' in text
    return b"\r\n".join(line for line in lines if not (ours and line.startswith(b"content-length:")))


def about(lines: list[bytes], name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in lines if f'"host":"{name}"'.encode() in line]
    kept = [line for line in found if line.get("path") != "/warm"]
    return [{key: value for key, value in line.items() if key not in OWN} for line in kept]


async def compared(authority, cases: list[tuple[bytes, bytes, bool]]) -> None:
    doubtful = [case for case, _, _ in await differing(authority, cases, QUIET)]
    # The machine may have been busy for longer than quiet, and then many cases are doubtful at once.
    for case, short, long in await differing(authority, doubtful, PATIENT) if doubtful else ():
        pytest.fail(f"{str(case)[:500]}\nby the short way: {str(short)[:800]}\nby the layers: {str(long)[:800]}")


async def differing(authority, cases, quiet: float) -> list[tuple[Any, Outcome, Outcome]]:
    short, long = await outcomes(authority, cases, quiet, True), await outcomes(authority, cases, quiet, False)
    return [each for each in zip(cases, short, long, strict=True) if each[1] != each[2]]


async def test_every_request_comes_to_what_the_layers_make_of_it(authority):
    await compared(authority, [(request, OK, ends) for request in REQUESTS.values() for ends in (False, True)])


@pytest.mark.parametrize("request_", [REQUESTS[name] for name in ANSWERED], ids=ANSWERED)
async def test_every_answer_comes_to_what_the_layers_make_of_it(authority, request_):
    await compared(authority, [(request_, answer, ends) for answer in ANSWERS.values() for ends in (False, True)])


async def test_what_is_plain_takes_the_short_way_and_nothing_else(authority, monkeypatch):
    taken, carry = set(), lane.Lane._exchange

    async def noting(self, asked, exchange, origin):
        taken.add(exchange.attempt.host)
        return await carry(self, asked, exchange, origin)

    monkeypatch.setattr(lane.Lane, "_exchange", noting)
    plain = {"plain", "post", "put", "head", "close", "host with port", "host upper case with dot", "latin", "tab"}
    plain |= {"empty value", "grpc", "doubled", "authenticates", "fragment"}
    await outcomes(authority, [(request, OK, False) for request in REQUESTS.values()], QUIET, True)
    assert {name for number, name in enumerate(REQUESTS) if f"h{number}.example" in taken} == plain


LINES = st.sampled_from(sorted(b for text in REQUESTS.values() for b in text.split(b"\r\n") if b))
ANSWER_LINES = st.sampled_from(sorted(b for text in ANSWERS.values() for b in text.split(b"\r\n")[:20] if len(b) < 100))


@st.composite
def cases(draw) -> list[tuple[bytes, bytes, bool]]:
    """Requests and answers with a line of another put in, or with a byte changed."""
    return [
        (draw(mutated(REQUESTS, LINES)), draw(mutated(ANSWERS, ANSWER_LINES)), draw(st.booleans())) for _ in range(40)
    ]


@st.composite
def mutated(draw, known: dict[str, bytes], lines) -> bytes:
    text = draw(st.sampled_from(sorted(value for value in known.values() if len(value) < 2000)))
    for _ in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):
            parts = text.split(b"\r\n")
            parts.insert(draw(st.integers(0, len(parts) - 1)), draw(lines))
            text = b"\r\n".join(parts)
        elif text:
            at = draw(st.integers(0, len(text) - 1))
            text = text[:at] + draw(st.binary(max_size=2)) + text[at + 1 :]
    return text


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(drawn=cases())
def test_what_is_drawn_comes_to_what_the_layers_make_of_it(authority, drawn):
    asyncio.run(compared(authority, drawn))
