"""A request is sent again where its origin hung up on an idle connection, unless something of it would be lost."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from mitmproxy import http

from proxy.gates import gate, to
from proxy.wires import LIMIT

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
PUT = b"PUT / HTTP/1.1\r\nHost: api.example\r\nContent-Length: 0\r\n\r\n"
TRAILED = b"PUT / HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"


@asynccontextmanager
async def forgetful():
    """An origin that hangs up at the second request on a connection. Gives its port and what it served."""
    served = []

    async def serve(reader, writer):
        try:
            served.append(await reader.readuntil(b"\r\n\r\n"))
            if b"chunked" in served[-1]:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], served
    finally:
        server.close()


class Adding:
    """An addon that gives a request what it had not."""

    def __init__(self, content: bytes = b"", trailer: bytes = b"") -> None:
        self.content, self.trailer = content, trailer

    def request(self, flow: http.HTTPFlow) -> None:
        if self.content:
            flow.request.content = self.content
        if self.trailer:
            flow.request.trailers = http.Headers([(b"x-sum", self.trailer)])


@pytest.mark.parametrize(
    ("addon", "request_", "status"),
    [
        (Adding(), PUT, b"200"),
        (Adding(content=b"added"), PUT, b"503"),
        (Adding(trailer=b"2"), PUT, b"503"),
        (Adding(), TRAILED, b"503"),
    ],
    ids=["nothing", "a body", "a trailer", "the workload's trailer"],
)
async def test_an_origin_that_hung_up_is_asked_again_only_where_all_of_it_can_be_sent_again(
    authority, addon, request_, status
):
    async with forgetful() as (port, served), gate(authority, to("api.example", 80, port), addons=(addon,)) as running:
        for expected in (b"200", status):
            reader, writer = await asyncio.open_connection(*running.address)
            writer.write(request_)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
            writer.close()
            assert head[9:12] == expected
            await asyncio.sleep(0.05)
        assert len(served) == (2 if status == b"200" else 1)
        assert running.counts["crashes"] == 0
