"""Requests and answers that are carried without layers: what is plain here is read alike by h11."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from mitmproxy import http
from mitmproxy.net.http import http1

from fuzz.http import ASKED, METHODS, REQUESTS, RESPONSES, WORDS, as_sent, readable
from fuzz.target import Draw, target
from fuzz.wire import loop
from outgate.proxy import heads, view
from outgate.proxy.answering import Answering, Broken
from outgate.settings import Limits
from proxy.requests import get

LIMITS = Limits()


@target("plain-request", REQUESTS, *WORDS)
def request(data: bytes) -> None:
    """What is taken for one plain request is one to h11, with the same fields and body."""
    asked = heads.request(data, most_bytes=LIMITS.header_bytes, most_fields=LIMITS.header_fields)
    if asked is None:
        return
    (message,) = as_sent(data)
    read = asked.request.data
    assert (read.method, read.path, asked.body) == (message.method, message.target, message.body)
    assert [(name.lower(), value) for name, value in read.headers.fields] == message.fields


@target("short-answer", RESPONSES, b"100", b"204", b"304", b"101", b"999", *WORDS)
def answer(data: bytes) -> None:
    """Whatever an origin answers on the short way, h11 reads what the workload gets, one final answer or none."""
    draw = Draw(data[:2])
    method, data = (draw.one(METHODS), data[2:]) if data[:1] < b"\x08" else (b"GET", data)
    asked = ASKED.replace(b"GET", method)
    if passed := loop().run_until_complete(_passed(asked, data)):  # else it is answered by the gate itself
        readable(asked, passed)


async def _passed(asked: bytes, data: bytes) -> bytes:
    reader = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(data)
    reader.feed_eof()
    answering = Answering(
        reader, get("Host: api.example", line=asked.decode().partition("\r\n")[0]), LIMITS, lambda _: None
    )
    passed = b""

    async def hint(early: http.Response) -> None:
        assert early.status_code == 103

    with suppress(Broken):
        response = await answering.head(hint)
        view.clean_response(response)
        passed = http1.assemble_response_head(response) + answering.take()
        while not answering.done:
            await answering.more()
            passed += answering.take()
    return passed
