"""Services below HTTP: an echo that answers a half-close, one that speaks first, one that never does.

Owns what they say. Each records the first bytes it got, when the connection ends.
"""

from __future__ import annotations

from .streams import Stream

GREETING = b"220 ready when you are\r\n"
EOF_SEEN = b"EOF-SEEN"


async def echo(stream: Stream) -> None:
    """Every byte goes back; when the peer has finished writing, EOF_SEEN follows and the connection ends."""
    start = b""
    while data := await stream.reader.read(65536):
        start = (start + data)[:200]
        stream.writer.write(data)
        await stream.writer.drain()
    stream.record("data", start=start.decode("latin-1"), length=stream.reader.received)
    stream.writer.write(EOF_SEEN)
    await stream.writer.drain()


async def greet(stream: Stream) -> None:
    """Speaks first, then echoes."""
    stream.writer.write(GREETING)
    await stream.writer.drain()
    await echo(stream)


async def silent(stream: Stream) -> None:
    """Takes everything and says nothing."""
    while await stream.reader.read(65536):
        pass
