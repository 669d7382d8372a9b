"""Istio's tunnel through a proxy outside: what it carries, and that nothing else leaves where the proxy says no."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from policy.frontends.istio.istio_building import document, loaded
from proxy.gates import gate
from proxy.wires import LIMIT
from upstream.authorities import Authority, Pair
from upstream.origins import echo, server_context, serving

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"
REFUSALS = {
    "credentials": (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
    "bad gateway": (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502"),
    "not HTTP": (b"\x00\xffgarbage\r\n\r\n", "not HTTP/1"),
    "silence": (b"", "did not answer"),
}


class Proxy:
    """Joins whoever asks by CONNECT with the origin for that port. Keeps what it was asked, and what it was sent when
    it had said no."""

    def __init__(self, origins: dict[str, int]) -> None:
        self.origins, self.answer = origins, OK
        self.heads: list[str] = []
        self.beyond: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head.splitlines()[0])
        writer.write(self.answer)
        if self.answer != OK:
            self.beyond.append(await reader.read())
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.origins[head.split()[1]])
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, back))
                both.create_task(_pump(there, writer))
        finally:
            back.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
        writer.write_eof() if writer.can_write_eof() else writer.close()


def documents(port: int, tls: str = "") -> str:
    """The example of Istio's reference: a proxy outside, and what is reached through it."""
    subset = "{{name: {0}, trafficPolicy: {{tunnel: {{protocol: CONNECT, targetHost: {1}, targetPort: {2}}}{3}}}}}"
    subsets = ", ".join(
        (subset.format("web", "good.example", 443, tls), subset.format("db", "db.internal.example", 5432, tls))
    )
    to = "route: [{{destination: {{host: proxy.example, subset: {0}, port: {{number: 3128}}}}}}]"
    return "".join(
        (
            document(
                "ServiceEntry",
                "{hosts: [proxy.example], ports: [{number: 3128, name: tcp, protocol: TCP, "
                f"targetPort: {port}}}], resolution: STATIC, endpoints: [{{address: 127.0.0.1}}]}}",
                "proxy",
            ),
            document(
                "ServiceEntry",
                "{hosts: [good.example], ports: [{number: 443, name: tls, protocol: TLS}, "
                "{number: 5432, name: tcp, protocol: TCP}], resolution: DNS}",
                "target",
            ),
            document(
                "ServiceEntry",
                "{hosts: [db.internal.example], ports: [{number: 5432, name: tcp, protocol: TCP}], "
                "resolution: STATIC, endpoints: [{address: 192.0.2.1}]}",
                "behind",
            ),
            document("DestinationRule", f"{{host: proxy.example, subsets: [{subsets}]}}"),
            document(
                "VirtualService",
                "{hosts: [good.example], tls: [{match: [{port: 443, sniHosts: [good.example]}], "
                f"{to.format('web')}}}], tcp: [{{match: [{{port: 5432}}], {to.format('db')}}}]}}",
            ),
        )
    )


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tunnel"), "partner-ca")


@pytest.fixture(scope="module")
def good(ca) -> Pair:
    return ca.issue("good", dns=("good.example", "proxy.example"))


@asynccontextmanager
async def tunnelling(authority, good: Pair, context: ssl.SSLContext | None = None, tls: str = "") -> AsyncIterator:
    async with serving(echo, server_context(good)) as secure, serving(echo) as plain:
        proxy = Proxy({"good.example:443": secure, "db.internal.example:5432": plain})
        async with (
            serving(proxy, context) as port,
            gate(authority, *loaded(documents(port, tls)).destinations) as running,
        ):
            environment = running.engine.plane.environment
            environment.timeouts = replace(environment.timeouts, via=0.5)
            yield running, proxy


async def asked(running, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(f"CONNECT good.example:{port} HTTP/1.1\r\nHost: good.example:{port}\r\n\r\n".encode())
    assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    return reader, writer


async def said(running, port: int, ca: Authority | None = None) -> bytes:
    """What comes back for a line; nothing where the connection is closed."""
    reader, writer = await asked(running, port)
    try:
        async with asyncio.timeout(LIMIT):
            if ca is not None:
                await writer.start_tls(ssl.create_default_context(cafile=ca.path), server_hostname="good.example")
            writer.write(b"hi\n")
            return await reader.readline()
    except (OSError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.close()


async def test_tls_and_tcp_pass_through_the_proxy_and_the_origin_proves_itself(authority, good, ca):
    async with tunnelling(authority, good) as (running, proxy):
        assert await said(running, 443, ca) == b"hi\n"
        assert await said(running, 5432) == b"hi\n"
    assert proxy.heads == ["CONNECT good.example:443 HTTP/1.1", "CONNECT db.internal.example:5432 HTTP/1.1"]


async def test_a_proxy_that_says_no_gets_nothing_else_and_the_workload_is_closed(authority, good, ca):
    async with tunnelling(authority, good) as (running, proxy):
        for number, (proxy.answer, told) in enumerate(REFUSALS.values()):
            assert await said(running, 443, ca) == await said(running, 5432) == b""
            for line in (await running.lines(2 * number + 2))[-2:]:
                assert line["failure"].startswith("via_failed")
                assert told in line["failure"]
    assert len(proxy.heads) == 2 * len(REFUSALS)
    assert set(proxy.beyond) == {b""}


async def test_a_proxy_that_is_spoken_to_by_tls_is_judged_before_it_is_asked(authority, good, ca):
    trusted = f", tls: {{mode: SIMPLE, caCertificates: {ca.path}, sni: proxy.example}}"
    async with tunnelling(authority, good, server_context(good), trusted) as (running, proxy):
        assert await said(running, 443, ca) == b"hi\n"
        assert await said(running, 5432) == b"hi\n"
    other = f", tls: {{mode: SIMPLE, caCertificates: {ca.path}, subjectAltNames: [other.example]}}"
    async with tunnelling(authority, good, server_context(good), other) as (running, proxy):
        assert await said(running, 5432) == b""
        (line,) = await running.lines()
        assert line["failure"].startswith("identity_failed")
    assert proxy.heads == []
