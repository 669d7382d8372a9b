"""Closing says goodbye, aborting does not, and neither waits."""

import asyncio

from outgate.policy.model import UpstreamTLS
from outgate.upstream.connect import connect
from upstream.building import environment, talk, target
from upstream.origins import server_context, serving


async def test_a_close_sends_what_is_written_and_close_notify(good, ca):
    ended: asyncio.Future[tuple[bytes, BaseException | None]] = asyncio.get_running_loop().create_future()

    async def listen(reader, writer):
        try:
            ended.set_result((await reader.read(), None))
        except OSError as error:
            ended.set_result((b"", error))

    async with serving(listen, server_context(good)) as port:
        connection = await connect(target(port, tls=UpstreamTLS(ca=ca.path)), environment())
        connection.writer.write(b"last words")
        connection.close()
        assert await asyncio.wait_for(ended, 5) == (b"last words", None)


async def test_a_server_that_ignores_the_goodbye_does_not_keep_the_socket(good, ca, descriptors):
    """It reads nothing and answers nothing; the close ends by itself."""
    begun = asyncio.Event()

    async def ignore(reader, writer):
        writer.transport.pause_reading()
        begun.set()
        await asyncio.sleep(60)

    gate = environment()
    tls = UpstreamTLS(ca=ca.path)
    await gate.identities.get(tls, ())
    async with serving(ignore, server_context(good)) as port:
        descriptors.mark()
        connection = await connect(target(port, tls=tls), gate)
        await asyncio.wait_for(begun.wait(), 5)
        connection.close()
        await asyncio.wait([asyncio.ensure_future(connection.writer.wait_closed())], timeout=5)
        assert await descriptors.settle(1) == 1  # the server's side


async def test_an_abort_drops_what_is_not_sent():
    async def echo_once(reader, writer):
        writer.write(await reader.readline())
        await reader.read()

    async with serving(echo_once) as port:
        connection = await connect(target(port), environment())
        await talk(connection)
        connection.abort()
        assert connection.writer.transport.is_closing()


async def test_a_connection_is_compared_by_identity():
    async with serving(lambda reader, writer: reader.read()) as port:
        one, two = [await connect(target(port), environment()) for _ in range(2)]
        assert len({one, two}) == 2
        for connection in (one, two):
            connection.abort()
