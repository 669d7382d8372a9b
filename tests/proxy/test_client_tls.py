"""TLS with the workload: a leaf for the name it asked for, or a reason why not."""

import asyncio
import os
import ssl
import time

import pytest
from mitmproxy.connection import ConnectionState

from outgate.pki.authority import create_authority
from outgate.pki.leaf import LeafCache
from outgate.policy.model import Identity
from outgate.proxy import client_tls
from outgate.proxy.exchange import Facts, GateClient
from outgate.settings import Limits, ListenMode
from proxy.openings import Hello, client_hello
from proxy.wires import LIMIT, connected, reset

NAME = "api.example"
FACTS = Facts(ListenMode.TRANSPARENT, Identity(), 443, "192.0.2.1", None, "API.example", True)
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)


async def meet(act, leaves, *, name=NAME, offers=(), within=LIMIT):
    """Our side of a handshake with a client that does as `act` says, and what the client got."""
    with connected() as (theirs, ours):
        acting = asyncio.create_task(asyncio.to_thread(act, theirs))
        limits = Limits(handshake_timeout=within)
        accepting = client_tls.accept(ours, leaves, name, offers, limits)
        done = await asyncio.gather(accepting, return_exceptions=True)
        ours.close()
        (theirs_got,) = await asyncio.gather(acting, return_exceptions=True)
        return done[0], theirs_got


def shaking(context, name=NAME):
    return lambda sock: context.wrap_socket(sock, server_hostname=name)


@VERSIONS
async def test_a_client_that_trusts_the_authority_is_served_under_the_name_it_asked_for(leaves, trusting, version):
    trusting.minimum_version = trusting.maximum_version = version
    (reader, writer), theirs = await meet(shaking(trusting), leaves)
    assert dict(theirs.getpeercert())["subjectAltName"] == (("DNS", NAME),)
    theirs.sendall(b"hello")
    async with asyncio.timeout(LIMIT):
        assert await reader.readexactly(5) == b"hello"
    writer.transport.abort()
    theirs.close()


@pytest.mark.parametrize(
    ("offers", "spoken"),
    [
        (("h2", "http/1.1"), "h2"),
        (("http/1.1", "h2"), "h2"),
        (("http/1.1",), "http/1.1"),
        (("spdy/1", "http/1.1"), "http/1.1"),
        (("spdy/1",), None),
        ((), None),
    ],
)
async def test_the_best_protocol_that_both_speak_is_chosen(leaves, trusting, offers, spoken):
    if offers:
        trusting.set_alpn_protocols(list(offers))
    (_, writer), theirs = await meet(shaking(trusting), leaves, offers=offers)
    assert theirs.selected_alpn_protocol() == spoken
    client = GateClient(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
    client_tls.describe(client, writer, FACTS, "")
    assert client.alpn == (spoken.encode() if spoken else None)
    writer.transport.abort()
    theirs.close()


@VERSIONS
async def test_what_flows_show_of_it_is_filled_in(leaves, trusting, version):
    trusting.minimum_version = trusting.maximum_version = version
    (_, writer), theirs = await meet(shaking(trusting), leaves)
    client = GateClient(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
    client_tls.describe(client, writer, FACTS, "h2")
    assert (client.tls, client.sni, client.tls_version) == (True, "API.example", theirs.version())
    assert client.cipher == theirs.cipher()[0]
    assert client.timestamp_tls_setup is not None
    assert client.alpn == b"h2"  # where TLS came to nothing, as between gates, what is spoken inside
    writer.transport.abort()
    theirs.close()


@pytest.mark.parametrize(("alpn", "known"), [("h2", b"h2"), ("", None)])
async def test_without_tls_only_what_is_spoken_is_known(alpn, known):
    with connected() as (_, ours):
        _, writer = await asyncio.open_connection(sock=ours.dup())
        client = GateClient(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        client_tls.describe(client, writer, FACTS, alpn)
        assert (client.tls, client.sni, client.tls_version, client.alpn) == (False, None, None, known)
        writer.transport.abort()


# Clients that do not.


@VERSIONS
async def test_a_client_that_does_not_trust_it_is_told_what_would_let_it_through(leaves, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    error, theirs = await meet(shaking(context), leaves)
    assert isinstance(theirs, ssl.SSLCertVerificationError)
    said = client_tls.explain(error, NAME)
    assert "does not trust" in said
    assert "UNKNOWN_CA" in said
    assert f"register {NAME} with protocol TLS" in said


def hanging_up(sock):
    sock.sendall(client_hello(Hello(NAME)))
    sock.recv(100)
    sock.close()


def breaking_off(sock):
    sock.sendall(client_hello(Hello(NAME)))
    sock.recv(100)
    reset(sock)


@pytest.mark.parametrize("act", [hanging_up, breaking_off], ids=lambda act: act.__name__)
async def test_a_client_that_leaves_without_a_word_may_be_one_that_pins(leaves, act):
    error, _ = await meet(act, leaves)
    said = client_tls.explain(error, NAME)
    assert "hung up" in said
    assert f"register {NAME} with protocol TLS" in said


async def test_a_client_too_old_for_us_is_no_question_of_trust(leaves):
    hello = bytearray(client_hello(Hello(NAME, version=ssl.TLSVersion.TLSv1_2)))
    hello[9:11] = b"\x03\x01"
    error, _ = await meet(lambda sock: sock.sendall(hello), leaves)
    assert isinstance(error, ssl.SSLError)
    said = client_tls.explain(error, NAME)
    assert said.startswith("TLS with the workload failed: ")
    assert "protocol TLS" not in said


async def test_a_handshake_that_stalls_ends(leaves):
    error, _ = await meet(lambda sock: sock.sendall(client_hello(Hello(NAME))[:40]), leaves, within=0.1)
    assert isinstance(error, OSError)
    assert "0.1 seconds" in client_tls.explain(error, NAME)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "TLS with the workload failed: TimeoutError"),
        (OSError(5, "input/output error"), "TLS with the workload failed: [Errno 5] input/output error"),
        (ssl.SSLError(1, "odd"), "TLS with the workload failed: odd"),
    ],
    ids=repr,
)
def test_other_failures_are_said_as_they_are(error, said):
    assert client_tls.explain(error, NAME) == said


# No leaf.


@pytest.mark.parametrize("name", ["", "not a name", "*.example"])
async def test_a_name_that_no_certificate_can_carry_is_a_failed_handshake(leaves, name):
    error, _ = await meet(lambda sock: None, leaves, name=name)
    assert isinstance(error, ssl.SSLError)
    assert "no certificate" in client_tls.explain(error, name)


async def test_an_authority_that_has_expired_meanwhile_is_a_failed_handshake():
    authority, clock = create_authority("old", 1), Clock()
    leaves = LeafCache(authority, clock=clock)
    clock.now += 3 * 86400
    error, _ = await meet(lambda sock: None, leaves)
    assert isinstance(error, ssl.SSLError)
    assert "expired" in client_tls.explain(error, NAME)


class Clock:
    def __init__(self):
        self.now = time.time()

    def __call__(self):
        return self.now


# What is left open.


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_failed_handshake_leaves_nothing_open(leaves, trusting):
    await meet(hanging_up, leaves)
    before = descriptors()
    for act in (hanging_up, breaking_off, lambda sock: sock.sendall(b"\x16\x03\x01\x00\x01\x00")):
        await meet(act, leaves, within=0.1)
    await asyncio.sleep(0.01)
    assert descriptors() == before


async def test_one_that_is_cancelled_leaves_nothing_open(leaves):
    with connected() as (theirs, ours):
        before = descriptors()
        accepting = asyncio.create_task(client_tls.accept(ours, leaves, NAME, (), Limits()))
        theirs.sendall(client_hello(Hello(NAME))[:40])
        await asyncio.sleep(0.02)
        accepting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await accepting
        await asyncio.sleep(0.01)
        assert descriptors() == before
