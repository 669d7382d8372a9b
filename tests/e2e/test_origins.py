"""The origins, in this process and without namespaces: they answer what their paths promise, and record what came."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import queue
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import closing, suppress
from typing import Any

import grpc
import pytest
from websockets.sync.client import connect as open_websocket

from e2e.lab import world
from e2e.lab.origins import LocalOrigins
from e2e.lab.raw import EOF_SEEN, GREETING
from e2e.lab.records import Recorder
from e2e.lab.streams import Origin, Stream, Tls
from e2e.lab.upstreams import Server


@pytest.fixture(scope="module")
def local(origin_pki):
    files = origin_pki.servers["api"]
    servers = [
        Server("plain", "http", ("127.0.0.1:0",)),
        Server("secure", "http", ("127.0.0.1:0",), Tls(str(files.chain), str(files.key), world.BOTH)),
    ]
    with LocalOrigins(servers) as running:
        yield running


@pytest.fixture(params=["http1", "http2", "h2c"])
def get(request, local, origin_pki):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    server = "plain" if request.param == "h2c" else "secure"
    host, port = local.address(server)
    flags = {"http1": ["--http1.1"], "http2": ["--http2"], "h2c": ["--http2-prior-knowledge"]}[request.param]
    scheme = "http" if server == "plain" else "https"

    def get(path: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[Any]:
        trust = ["--cacert", str(origin_pki.origin_ca.cert), "--connect-to", f"api.example:443:{host}:{port}"]
        url = f"{scheme}://{'api.example' if server == 'secure' else f'{host}:{port}'}{path}"
        command = ["curl", "-sS", "--max-time", "20", *flags, *trust, *arguments, url]
        return subprocess.run(command, capture_output=True, check=False, **options)

    return get


def test_a_status_can_be_asked_for(get):
    assert get("/status/418", "-o", "/dev/null", "-w", "%{http_code}").stdout == b"418"


def test_a_body_is_digested(get):
    body = os.urandom(3_000_000)
    seen = json.loads(get("/upload", "--data-binary", "@-", input=body).stdout)
    assert (seen["length"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_download_is_as_long_as_asked(get):
    assert len(get("/stream?mb=5").stdout) == 5 * 1024 * 1024


def test_events_come_one_by_one(get):
    assert get("/sse?n=3&s=0.01").stdout.count(b"data: event") == 3


def test_chunks_early_hints_trailers_and_headers(get):
    assert len(get("/chunks?n=4&size=500").stdout) == 2000
    early = get("/early", "-D", "-", "-o", "/dev/null").stdout
    assert early.index(b" 103") < early.index(b" 200")
    assert b"x-checksum: 5d41402a" in get("/trailers", "-D", "-").stdout
    assert b"alt-svc: h3" in get("/headers?alt-svc=h3", "-D", "-").stdout


def test_a_failure_comes_so_often_and_no_more(get, request):
    key = request.node.callspec.id
    codes = [get(f"/flaky?key={key}&fail=2", "-o", "/dev/null", "-w", "%{http_code}").stdout for _ in range(3)]
    assert codes == [b"503", b"503", b"200"]
    assert get("/close").returncode != 0


def test_a_body_goes_back_while_it_comes(get):
    assert get("/pipe", "-T", "-", input=b"piece by piece").stdout == b"piece by piece"


def test_a_compressed_answer_is_compressed(get):
    assert b"hunter2" not in get("/gzip").stdout
    assert b"hunter2" in get("/gzip", "--compressed").stdout


def test_a_slow_reader_is_not_sent_more_than_its_window(get):
    """20 MB at 10 MB a second come whole, through flow control."""
    assert len(get("/stream?mb=20", "--limit-rate", "40M").stdout) == 20 * 1024 * 1024


def test_requests_are_on_record_with_their_headers_as_they_came(local):
    local.records.forget()
    with socket.create_connection(local.address("plain"), timeout=5) as opened:
        opened.sendall(b"GET /raw HTTP/1.1\r\nHOST: x\r\nX-Twice: 1\r\nx-twice:2\r\n\r\n")
        assert opened.recv(100).startswith(b"HTTP/1.1 200")
    request = local.records("request")[0]
    assert request["line"] == "GET /raw HTTP/1.1"
    assert request["headers"] == [["HOST", "x"], ["X-Twice", "1"], ["x-twice", "2"]]


def test_a_client_that_awaits_the_word_is_told_to_continue(local):
    with socket.create_connection(local.address("plain"), timeout=5) as opened:
        opened.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert opened.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        opened.sendall(b"ok")
        assert opened.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", b"GET / HT"], ids=["nothing", "half a head"])
def test_connections_without_a_request_are_on_record(local, sent):
    local.records.forget()
    with socket.create_connection(local.address("plain"), timeout=5) as opened:
        opened.sendall(sent)
    closed = local.records.wait(bool, "closed")
    assert closed[0]["received"] == len(sent)
    assert len(local.records("connection")) == 1
    assert not local.records("request")


def test_nothing_on_record_means_nobody_came(local):
    local.records.forget()
    assert local.records() == []
    with pytest.raises(TimeoutError, match="not seen within"):
        local.records.wait(bool, within=0.1)


def test_websocket_messages_go_back_and_are_on_record(local):
    local.records.forget()
    host, port = local.address("plain")
    with open_websocket(f"ws://{host}:{port}/ws", proxy=None) as channel:
        channel.send("text")
        assert channel.recv() == "text"
        channel.send([b"frag", b"ments"])
        assert channel.recv() == b"fragments"
        assert "permessage-deflate" in channel.response.headers["sec-websocket-extensions"]
    assert [seen["start"] for seen in local.records("message")] == ["text", "frag", "ments", ""]


@pytest.fixture(scope="module", params=["plain", "tls"])
def channel(request, origin_pki):
    files = origin_pki.servers["grpc"]
    tls = Tls(str(files.chain), str(files.key), client="required", client_ca=str(origin_pki.client_ca.cert))
    with LocalOrigins([Server("calls", "grpc", ("127.0.0.1:0",), tls if request.param == "tls" else None)]) as local:
        address = "{}:{}".format(*local.address("calls"))
        made = _secure(address, origin_pki) if request.param == "tls" else grpc.insecure_channel(address)
        with made:
            yield made, local, request.param


def test_one_message_each_way(channel):
    opened, local, _ = channel
    local.records.forget()
    call = opened.unary_unary("/lab.Echo/Unary")
    answer, details = call.with_call(b"hello", timeout=5, metadata=[("x-lab", "1")])
    assert answer == b"echo:hello"
    assert ("lab-method", "Unary") in [(item.key, item.value) for item in details.trailing_metadata()]
    recorded = local.records("call")[0]
    assert ["x-lab", "1"] in recorded["metadata"]


def test_many_messages_each_way_and_one_at_a_time(channel):
    opened, _, _ = channel
    assert list(opened.unary_stream("/lab.Echo/ServerStream")(b"3", timeout=5)) == [b"echo:0", b"echo:1", b"echo:2"]
    assert opened.stream_unary("/lab.Echo/ClientStream")(iter([b"a", b"b"]), timeout=5) == b"echo:a,b"
    words: queue.Queue[bytes | None] = queue.Queue()
    answers = opened.stream_stream("/lab.Echo/Both")(iter(words.get, None), timeout=5)
    for word in (b"one", b"two", b"three"):
        words.put(word)
        assert next(answers) == b"echo:" + word
    words.put(None)
    assert list(answers) == []


def test_a_failure_has_its_status(channel):
    opened, _, _ = channel
    with pytest.raises(grpc.RpcError) as failed:
        opened.unary_unary("/lab.Echo/Fail")(b"such thing", timeout=5)
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert failed.value.details() == "there is no such thing"


def test_a_call_is_on_record_with_its_client_certificate(channel, origin_pki):
    opened, local, security = channel
    local.records.forget()
    opened.unary_unary("/lab.Echo/Unary")(b"", timeout=5)
    expected = {"plain": None, "tls": origin_pki.client.fingerprint}[security]
    assert [(call["method"], call["client"]) for call in local.records("call")] == [("Unary", expected)]


def test_the_connection_of_a_call_is_on_record():
    with LocalOrigins([Server("calls", "grpc", ("127.0.0.1:0",))]) as local:
        with socket.create_connection(local.address("calls"), timeout=5) as opened:
            opened.sendall(b"not grpc")
        assert local.records.wait(bool, "closed")[0]["received"] == len(b"not grpc")


@pytest.mark.parametrize(("kind", "first"), [("echo", b""), ("greeting", GREETING)])
def test_a_raw_service_echoes_and_answers_a_half_close(kind, first):
    with LocalOrigins([Server("raw", kind, ("[::1]:0",))]) as local:
        with socket.create_connection(local.address("raw"), timeout=5) as opened:
            assert opened.recv(len(first)) == first
            opened.sendall(b"hello")
            opened.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: opened.recv(100), b"")) == b"hello" + EOF_SEEN
        assert local.records.wait(bool, "data")[0]["start"] == "hello"


def test_a_silent_server_says_nothing():
    servers = [Server("silent", "silent", ("[::1]:0",))]
    with LocalOrigins(servers) as local, socket.create_connection(local.address("silent"), timeout=0.2) as opened:
        opened.sendall(b"anybody?")
        with pytest.raises(TimeoutError):
            opened.recv(1)


async def test_a_peer_that_ends_tls_early_gets_what_was_under_way_and_harms_nobody_after_it(origin_pki, tmp_path):
    """Both buffers are small, so that bytes are left at every layer of the origin when the peer says goodbye."""
    trouble: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    recorder = Recorder(tmp_path / "seen")
    origin = Origin("api", recorder, world.tls(origin_pki, "api").context(), _pour)
    context = ssl.create_default_context(cafile=str(origin_pki.origin_ca.cert))
    with listener, closing(recorder):
        serving = asyncio.create_task(origin.listen(listener))
        for _ in range(3):
            assert await asyncio.to_thread(_leave_early, listener.getsockname(), context) > 65536
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    assert not trouble


async def _pour(stream: Stream) -> None:
    for _ in range(100):
        stream.writer.write(bytes(100_000))
        await stream.writer.drain()


def _leave_early(address: tuple[str, int], context: ssl.SSLContext) -> int:
    """Shake hands, wait until the origin is full, end TLS, and only then read: how many bytes came until the end."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="api.example")
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.settimeout(5)
        opened.connect(address)
        while tls.version() is None or outgoing.pending:
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            opened.sendall(outgoing.read())
            incoming.write(b"" if tls.version() else opened.recv(65536))
        time.sleep(0.2)
        with suppress(ssl.SSLError):
            tls.unwrap()
        opened.sendall(outgoing.read())
        time.sleep(0.1)
        return sum(len(data) for data in iter(lambda: opened.recv(65536), b""))


def test_an_address_that_is_not_here_is_an_error():
    with pytest.raises(RuntimeError, match="did not start"), LocalOrigins([Server("x", "http", ("203.0.113.1:80",))]):
        pass


def _secure(address: str, pki: world.OriginPki) -> grpc.Channel:
    roots, key, chain = (path.read_bytes() for path in (pki.origin_ca.cert, pki.client.key, pki.client.chain))
    credentials = grpc.ssl_channel_credentials(roots, key, chain)
    return grpc.secure_channel(address, credentials, [("grpc.ssl_target_name_override", "grpc.example")])
