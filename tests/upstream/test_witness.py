"""Who looks on at a handshake sees the server's certificate, also a refused one, and whether it asked for ours."""

import pytest

from outgate.policy.model import UpstreamTLS
from outgate.upstream.connect import connect
from outgate.upstream.errors import UpstreamError
from outgate.upstream.witness import Witness, witness
from upstream.building import environment, finish, target
from upstream.origins import echo, server_context, serving


async def seen(environ, goal) -> tuple[Witness, UpstreamError | None]:
    onlooker = witness((await environ.identities.get(goal.tls, goal.alpn)).context)
    try:
        await finish(await connect(goal, environ))
    except UpstreamError as error:
        return onlooker, error
    return onlooker, None


async def test_a_server_that_asks_for_nothing(good, ca):
    async with serving(echo, server_context(good)) as port:
        onlooker, error = await seen(environment(), target(port, tls=UpstreamTLS(ca=ca.path)))
    assert error is None
    assert onlooker == Witness(good.der, asked=False, ready=False)


@pytest.mark.parametrize("named", [True, False])
async def test_a_server_that_asks_for_a_certificate(demanding, good, ca, client, named):
    server = demanding(good)
    pair = {"client_certificate": client.certificate, "private_key": client.key} if named else {}
    onlooker, error = await seen(environment(), target(server.port, tls=UpstreamTLS(ca=ca.path, **pair)))
    assert error is None
    assert onlooker == Witness(good.der, asked=True, ready=named)


async def test_a_certificate_that_is_refused_is_seen(demanding, evil, ca, client):
    server = demanding(evil)
    tls = UpstreamTLS(ca=ca.path, client_certificate=client.certificate, private_key=client.key)
    onlooker, error = await seen(environment(), target(server.port, tls=tls))
    assert error is not None
    assert error.peername == ("127.0.0.1", server.port)
    assert onlooker.leaf == evil.der
    assert server.next().certificates == []


@pytest.mark.parametrize(
    "data", [b"", b"\x0b", b"\x0b\0\0\1\xff", b"\x0b\0\0\4\0\0\0\0", b"\x0b\0\0\x09\0\0\0\6\0\0\xff"]
)
def test_a_message_that_is_cut_short_shows_nothing(data):
    onlooker = Witness()
    for version in (0x303, 0x304):
        onlooker.look("read", version, 22, 11, data)
        assert onlooker.leaf == b""
