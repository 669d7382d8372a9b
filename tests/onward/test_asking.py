"""One request through a proxy: what comes back is the answer, and what goes wrong ends the connection."""

import asyncio

import pytest

from capture.exchanges import exchange
from outgate.capture.serving.answer import BROKEN
from outgate.onward.asking import Client
from outgate.pki.authority import create_authority

CA = create_authority("test", 1)
ASKED = exchange("http://api.example:81/a?b", "POST", b"sent", fields=[(b"x-a", b"1"), (b"connection", b"x")]).request


def asked(answer, request=ASKED):
    """What the client makes of an answer, and what the proxy was sent."""
    seen = bytearray()

    async def proxy(reader, writer):
        while not seen.endswith(b"sent") and not seen.endswith(b"\r\n\r\n"):
            seen.extend(await reader.read(4096))
        if request.body.content and not seen.endswith(b"sent"):
            seen.extend(await reader.read(4096))
        writer.write(answer)
        writer.close()

    async def run():
        async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
            return await Client(server.sockets[0].getsockname(), CA.certificate).ask(request)

    return asyncio.run(run()), bytes(seen)


def test_the_answer_and_what_was_asked():
    found, seen = asked(b"HTTP/1.1 201 Made\r\nX-B: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes")
    assert (found.status, found.reason, found.content, found.sized) == (201, "Made", b"yes", True)
    assert found.fields == ((b"X-B", b"2"),)
    head = seen.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"POST http://api.example:81/a?b HTTP/1.1"
    assert [line for line in head if line.lower().startswith(b"connection")] == [b"connection: close"]
    assert b"x-a: 1" in head
    assert b"content-length: 4" in head


def test_trailers():
    found, _ = asked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n")
    assert (found.content, found.trailers, found.sized) == (b"ab", ((b"x-t", b"1"),), False)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"HTTP/9 nonsense\r\n\r\n"])
def test_what_is_no_whole_answer(answer):
    assert asked(answer)[0] is BROKEN


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nno TLS", b""])
def test_a_proxy_that_leads_nowhere(answer):
    request = exchange("https://api.example/a").request
    found, seen = asked(answer, request)
    assert found is BROKEN
    assert seen.startswith(b"CONNECT api.example:443 HTTP/1.1\r\n")
