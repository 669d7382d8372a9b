"""The ways beside the direct one lead to whom they are meant to, or nowhere."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outgate.policy.model import NameKind, SubjectName, UpstreamTLS, Via
from outgate.upstream.connect import connect, key_of
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.secret import Secret
from outgate.upstream.trust import Trust, paths, serving
from outgate.upstream.watch import contents
from outgate.upstream.ways import Gateway, Proxy
from upstream.authorities import Authority
from upstream.building import Names, environment, finish, talk, target
from upstream.origins import echo
from upstream.origins import serving as serve

ID = "spiffe://cluster.local/ns/egress/sa/gateway"
OK = b"HTTP/1.1 200 OK\r\nx-outgate-timeouts: idle_timeout=1\r\n\r\n"


class Replica:
    """Answers CONNECT and then says everything back."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer, self.heads, self.peers = answer, [], []

    async def __call__(self, reader, writer):
        self.peers.append(writer.get_extra_info("peercert"))
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self.answer)
        await echo(reader, writer)


def tls(ca: Authority, **given) -> UpstreamTLS:
    own = ca.issue("sidecar", uris=("spiffe://cluster.local/ns/prod/sa/web",))
    return UpstreamTLS(
        **{
            "ca": ca.path,
            "client_certificate": own.certificate,
            "private_key": own.key,
            "names": (SubjectName(NameKind.URI, ID),),
            **given,
        }
    )


def serving_as(ca: Authority, name: str = "gateway", uri: str = ID, days: int = 30) -> ssl.SSLContext:
    pair = ca.issue(name, uris=(uri,), days=days)
    told = UpstreamTLS(ca=ca.path, client_certificate=pair.certificate, private_key=pair.key)
    return serving(told, contents(paths(told, Trust(system=None))))


@asynccontextmanager
async def gateway(ca: Authority, *replicas: Replica, context: ssl.SSLContext | None = None, **given):
    """An environment with a gateway of so many replicas. Its addresses are in the order of the replicas."""
    async with asyncio.TaskGroup():
        running = [serve(replica, context or serving_as(ca)) for replica in replicas]
        ports = [await one.__aenter__() for one in running]
        try:
            made = environment()
            made.gateway = Gateway(tuple(("127.0.0.1", port) for port in ports), tls(ca, **given))
            yield made
        finally:
            for one in running:
                await one.__aexit__(None, None, None)


def forwarded(port: int = 443, **given):
    return target(port, "api.example", via=Via.GATEWAY, **given)


async def refused(made, asked=None) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await connect(asked or forwarded(), made)
    return caught.value


async def test_a_gateway_is_asked_by_connect_inside_of_mutual_tls(ca):
    replica, heard = Replica(), []
    async with gateway(ca, replica) as made:
        made.gateway = replace(made.gateway, heard=heard.append)
        opened = await connect(forwarded(), made)
        assert await talk(opened) == b"hi\n"
        await finish(opened)
        opened = await connect(forwarded(opened=True), made)
        await finish(opened)
    assert [head.split("\r\n")[0] for head in replica.heads] == ["CONNECT api.example:443 HTTP/1.1"] * 2
    assert ["x-outgate-opened: tls" in head for head in replica.heads] == [False, True]
    assert heard == [OK, OK]
    assert replica.peers[0]["subjectAltName"] == (("URI", "spiffe://cluster.local/ns/prod/sa/web"),)


@pytest.mark.parametrize("flaw", ["another identity", "expired", "foreign"])
async def test_who_is_not_the_gateway_learns_nothing(ca, tmp_path, flaw):
    impostor = Replica()
    context = {
        "another identity": lambda: serving_as(ca, "other", ID.replace("gateway", "web")),
        "expired": lambda: serving_as(ca, "late", days=-1),
        "foreign": lambda: serving_as(Authority(tmp_path, "foreign-ca")),
    }[flaw]()
    async with gateway(ca, impostor, context=context) as made:
        error = await refused(made)
    assert error.code is Failure.VIA_FAILED
    assert impostor.heads == []


async def test_one_replica_stands_in_for_another(ca):
    well = Replica()
    async with gateway(ca, well) as made:
        made.gateway = replace(made.gateway, addresses=(("127.0.0.1", 1), *made.gateway.addresses))
        for _ in range(4):
            await finish(await connect(forwarded(), made))
        assert made.gateway.replicas.out() == [("127.0.0.1", 1)]
    assert len(well.heads) == 4


async def test_what_one_replica_declines_no_other_is_asked(ca):
    declining = [Replica(b"HTTP/1.1 403 Forbidden\r\n\r\n") for _ in range(2)]
    async with gateway(ca, *declining) as made:
        error = await refused(made)
        assert (error.code, error.status) == (Failure.VIA_FAILED, 503)
        assert "answered 403" in error.message
        assert made.gateway.replicas.out() == []
    assert sum(len(replica.heads) for replica in declining) == 1


async def test_without_a_gateway_nothing_else_is_tried(ca):
    """Not even where the target itself could be reached."""
    reached = []

    async def origin(reader, writer):
        reached.append(writer)
        writer.close()

    async with serve(origin) as port:
        for asked in (forwarded(port), target(port, via=Via.PROXY)):
            assert (await refused(environment(), asked)).code is Failure.VIA_FAILED
        made = environment(Names())
        made.gateway = Gateway((("gateway.example", 15443),), tls(ca))
        assert (
            "the gateway is nowhere: gateway.example cannot be resolved"
            in (await refused(made, forwarded(port))).message
        )
        made.gateway = replace(made.gateway, addresses=(("127.0.0.1", 1),))
        assert "no replica of the gateway can be used" in (await refused(made, forwarded(port))).message
        made.gateway = replace(made.gateway, tls=tls(ca, private_key="/nowhere"))
        assert (await refused(made, forwarded(port))).code is Failure.IDENTITY_FAILED
        made.resolver = None  # a part of ours that raises
        with pytest.raises(AttributeError):
            await made.gateway.hops(forwarded(port), made)
    assert reached == []


async def test_connections_are_shared_by_those_alone_who_ask_alike(ca):
    async with gateway(ca, Replica()) as made:
        keys = {await key_of(forwarded(port, opened=opened), made) for port in (80, 443) for opened in (False, True)}
        keys.add(await key_of(target(443, "api.example"), made))
        other = ca.issue("sidecar-2", uris=("spiffe://cluster.local/ns/prod/sa/other",))
        renamed = replace(made.gateway.tls, client_certificate=other.certificate, private_key=other.key)
        made.gateway = replace(made.gateway, tls=renamed)
        keys.add(await key_of(forwarded(), made))
    assert len(keys) == 6


async def test_a_connection_is_outdated_once_the_gate_is_somebody_else(ca):
    async with gateway(ca, Replica()) as made:
        opened = await connect(forwarded(), made)
        assert not made.outdated(opened, forwarded())
        other = ca.issue("sidecar-2", uris=("spiffe://cluster.local/ns/prod/sa/other",))
        renamed = replace(made.gateway.tls, client_certificate=other.certificate, private_key=other.key)
        made.gateway = replace(made.gateway, tls=renamed)
        assert made.outdated(opened, forwarded())
        made.gateway = None
        assert not made.outdated(opened, forwarded())
        await finish(opened)


async def test_credentials_of_a_proxy_come_from_its_file_as_it_is_now(tmp_path):
    file = tmp_path / "credentials"
    proxy = Proxy(("proxy.example", 3128), file=file)
    with pytest.raises(UpstreamError, match="credentials cannot be read") as caught:
        proxy.hop()
    assert caught.value.code is Failure.IDENTITY_FAILED
    for text, value in (
        (b"user:canary\n", b"Basic dXNlcjpjYW5hcnk="),
        (b"user:a:b", b"Basic dXNlcjphOmI="),
        (b"us\xe9r:a", b"Basic dXPpcjph"),
    ):
        file.write_bytes(text)
        assert proxy.hop().authorization.reveal() == value
    file.write_bytes(b"canary")
    with pytest.raises(UpstreamError, match="not USER:PASSWORD") as caught:
        proxy.hop()
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(Proxy(("proxy.example", 3128), credentials=Secret(b"user:canary")).hop())


async def test_a_proxy_is_asked_with_its_credentials_and_without_them_nobody_is(tmp_path):
    asked = Replica()
    async with serve(asked) as port:
        made = environment()
        made.proxy = Proxy(("127.0.0.1", port), credentials=Secret(b"user:secret"))
        opened = await connect(target(443, "api.example", via=Via.PROXY), made)
        assert await talk(opened) == b"hi\n"
        await finish(opened)
        made.proxy = Proxy(("127.0.0.1", port), file=tmp_path / "missing")
        assert (await refused(made, target(443, via=Via.PROXY))).code is Failure.IDENTITY_FAILED
    assert [line for line in asked.heads[0].split("\r\n") if line] == [
        "CONNECT api.example:443 HTTP/1.1",
        "Host: api.example:443",
        "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=",
    ]
    assert len(asked.heads) == 1
