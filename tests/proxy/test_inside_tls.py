"""What is inside TLS that was opened has to be HTTP; what is not is judged as that TLS, and ends at once."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest

from outgate.policy.model import Defaults, Intercept, Mode
from policy.building import destination
from proxy.gates import gate
from proxy.wires import LIMIT

CONNECT = b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n\r\n"
KNOWN = destination("api.example")


@asynccontextmanager
async def inside(running, trusting):
    """The streams of TLS with the gate, through a tunnel to `api.example`."""
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        async with asyncio.timeout(LIMIT):
            writer.write(CONNECT)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await writer.start_tls(trusting, server_hostname="api.example")
            yield reader, writer
    finally:
        writer.close()


async def ends(reader):
    try:
        return await reader.read() == b""
    except (ConnectionError, ssl.SSLError):
        return True


@pytest.mark.parametrize("sent", [b"\x00\x01", b"\x16\x03\x01\x00\x05hello", b"\x16\x03", b"EHLO\x00"], ids=ascii)
async def test_what_is_no_http_is_judged_as_the_tls_around_it(authority, trusting, sent):
    async with gate(authority, KNOWN, head_timeout=LIMIT * 2) as running:
        async with inside(running, trusting) as (reader, writer):
            writer.write(sent)
            assert await ends(reader)
        (line,) = await running.lines()
    assert (line["kind"], line["verdict"], line["code"]) == ("tls", "deny", "protocol_mismatch")
    assert (line["host"], line["sni"], line["rule"]) == ("api.example", "api.example", str(KNOWN.ports[0].source))


async def test_it_is_denied_too_where_everything_passes(authority, trusting):
    anything = Defaults(mode=Mode.ALLOW_ANY, unregistered_tls=Intercept.DECRYPT)
    async with gate(authority, defaults=anything) as running:
        async with inside(running, trusting) as (reader, writer):
            writer.write(b"\x00")
            assert await ends(reader)
        (line,) = await running.lines()
    assert (line["verdict"], line["code"]) == ("deny", "protocol_unknown")


async def test_a_malformed_request_is_one_and_is_told_so(authority, trusting):
    async with gate(authority, KNOWN) as running:
        async with inside(running, trusting) as (reader, writer):
            for byte in b"GET / x HTTP/1.1\r\n\r\n":
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 400")
        (line,) = await running.lines()
    assert line["code"] == "request_malformed"
