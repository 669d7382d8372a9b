"""What docs/addons.md promises of mitmproxy's hooks: which are called, how often, and what they may not change."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from mitmproxy import hooks

from outgate.pki import pem
from outgate.policy.model import UpstreamTLS
from proxy.gates import gate, origin, to
from proxy.wires import LIMIT, until

DIAL = ("server_connect", "server_connected", "server_connect_error", "server_disconnected")
NEVER = ("next_layer", "tls_", "quic_", "tcp_", "udp_", "dns_")
REQUEST = b"GET /echo HTTP/1.1\r\nHost: api.example\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Counts:
    """Has every hook of traffic, and counts."""

    def __init__(self):
        self.called = Counter()
        self.seen = []

    def __getattr__(self, name):
        if name not in hooks.all_hooks or name in ("load", "configure", "running", "done", "update"):
            raise AttributeError(name)
        return lambda *subjects: self.note(name, subjects)

    def note(self, name, subjects):
        self.called[name] += 1
        if name == "server_connected":
            self.seen.append(subjects[0].server)

    @property
    def dials(self):
        return tuple(self.called[name] for name in DIAL)


async def ask(reader, writer, request=REQUEST) -> bytes:
    writer.write(request)
    async with asyncio.timeout(LIMIT):
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))


async def asked(running, times: int, request=REQUEST) -> list[bytes]:
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        return [await ask(reader, writer, request) for _ in range(times)]
    finally:
        writer.close()


async def test_a_connection_that_is_used_again_is_not_dialled_again(authority):
    counts = Counts()
    async with origin() as there, gate(authority, to("api.example", 80, there.port), addons=(counts,)) as running:
        await asked(running, 3)
        await asked(running, 2)
        await running.lines(5)
    assert counts.dials == (1, 1, 0, 0)
    assert counts.called["request"] == counts.called["response"] == counts.called["outgate_exchange"] == 5
    assert counts.called["client_connected"] == counts.called["client_disconnected"] == 2


async def test_every_dial_is_told_once_and_so_is_its_end(authority):
    counts = Counts()
    async with (
        origin(CLOSING) as there,
        gate(authority, to("api.example", 80, there.port), addons=(counts,)) as running,
    ):
        await asked(running, 3)
        await until(lambda: counts.called["server_disconnected"] == 3)
    assert counts.dials == (3, 3, 0, 3)


async def test_a_dial_that_fails_is_told_once(authority):
    counts = Counts()
    async with gate(authority, to("api.example", 80, 1), addons=(counts,)) as running:
        (answer,) = await asked(running, 1)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert counts.dials == (1, 0, 1, 0)


async def test_a_denied_request_dials_nothing(authority):
    counts = Counts()
    async with gate(authority, addons=(counts,)) as running:
        await asked(running, 1)
    assert counts.dials == (0, 0, 0, 0)
    assert counts.called["requestheaders"] == counts.called["outgate_exchange"] == 1


async def test_hooks_of_tls_and_layers_are_never_called(authority, leaves, tmp_path):
    """Not with TLS on the way to the origin either; what was agreed on stands on the connection."""
    counts, context, roots = Counts(), leaves.context("api.example", ()), tmp_path / "ca.crt"
    roots.write_bytes(pem.text(authority.certificate))

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CLOSING)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    known = to("api.example", 80, listener.sockets[0].getsockname()[1])
    port = replace(known.ports[0], upstream=replace(known.ports[0].upstream, tls=UpstreamTLS(ca=str(roots))))
    async with listener, gate(authority, replace(known, ports=(port,)), addons=(counts,)) as running:
        (answer,) = await asked(running, 1)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert not [name for name in counts.called if name.startswith(NEVER)]
    (connection,) = counts.seen
    assert connection.tls_established
    assert connection.tls_version.startswith("TLSv1.")
    assert connection.certificate_list


CHANGES = {
    "address": lambda server: setattr(server, "address", ("127.0.0.1", 1)),
    "address of the same name": lambda server: setattr(server, "address", ("api.example", 1)),
    "no address": lambda server: setattr(server, "address", None),
    "via": lambda server: setattr(server, "via", ("http", ("127.0.0.1", 1))),
    "error": lambda server: setattr(server, "error", "not this one"),
}


@pytest.mark.parametrize("hook", ["server_connect", "server_connected"])
@pytest.mark.parametrize("what", CHANGES)
async def test_a_connection_that_is_changed_is_not_used(authority, hook, what):
    class Changes:
        pass

    setattr(Changes, hook, lambda self, data: CHANGES[what](data.server))
    async with origin() as there, gate(authority, to("api.example", 80, there.port), addons=(Changes(),)) as running:
        (answer,) = await asked(running, 1)
        (line,) = await running.lines()
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert there.received == []
    assert there.connections == (hook == "server_connected")
    assert (line["verdict"], line["code"]) == ("deny", "policy_failure")
