"""HTTP as messages: early answers, trailers, framing, other protocols. Each arrives whole, or visibly not."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from e2e.documents import defaults, destination, native, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, drain, parsed, response

pytestmark = pytest.mark.netns

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", ports=("80/HTTP", "443/HTTPS")),
    native(
        "EgressDestination",
        "second-version",
        {"hosts": ["a.wild.example"], "ports": [{"number": 80, "protocol": "HTTP", "upstream": {"protocol": "HTTP2"}}]},
    ),
)
FORBIDDEN = world.ADDRESSES["forbidden"]
BIG = 5 * 1024 * 1024


# Answers that do not wait for the body.


def test_a_denied_request_that_expects_to_continue_is_answered_at_once(
    workload: Workload, counting: Lab, journal: Journal
) -> None:
    with untouched(counting, *FORBIDDEN):
        started = time.monotonic()
        head = b"POST / HTTP/1.1\r\nHost: forbidden.example\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        answer = parsed(workload.say("forbidden.example", head))
    assert (answer.status, answer.early) == (502, ())
    assert answer.header("connection") == "close"
    assert time.monotonic() - started < 5
    entry = journal.one(host="forbidden.example")
    assert (entry["status"], entry["sent"]) == (502, 0)


def test_an_allowed_request_that_expects_to_continue_is_told_to(workload: Workload, origins: LabOrigins) -> None:
    with workload.dial("api.example", 80) as client:
        client.sendall(
            b"POST /upload HTTP/1.1\r\nHost: api.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hello")
        answer, body = response(client)
    assert answer.status == 200
    assert json.loads(body)["length"] == 5


@pytest.mark.core
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_that_follows_a_denial_does_not_take_the_answer_along(
    workload: Workload, counting: Lab, framing: str
) -> None:
    fields = f"Content-Length: {BIG}" if framing == "length" else "Transfer-Encoding: chunked"
    chunk = b"x" * 65536 if framing == "length" else b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with untouched(counting, *FORBIDDEN), workload.dial("forbidden.example", 80) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: forbidden.example\r\n{fields}\r\n\r\n".encode())
        for _ in range(BIG // 65536):
            client.sendall(chunk)
        answer = parsed(drain(client))
    assert (answer.status, answer.denial["code"]) == (502, "unregistered")


def test_curl_uploads_to_a_denied_host_and_gets_the_answer(workload: Workload, journal: Journal) -> None:
    answer = workload.curl("http://forbidden.example/up", "--http1.1", "--data-binary", "@-", data=b"x" * BIG)
    assert (answer.status, answer.denial["code"]) == (502, "unregistered")
    assert journal.one(path="/up")["sent"] == 0


def test_a_denied_stream_is_answered_whole_while_it_is_still_sent(workload: Workload, journal: Journal) -> None:
    with workload.dial("forbidden.example", 80) as sock:
        client = Client(sock)
        denied = client.answer(client.send(request("forbidden.example", method="POST"), b"x" * 16000, end=False))
        again = client.ask(request("forbidden.example", "/again"))
    assert (denied.status, denied.ended, denied.reset) == (502, True, None)
    assert (again.status, again.ended) == (502, True)


def test_after_a_denial_without_a_body_the_connection_goes_on(workload: Workload, origins: LabOrigins) -> None:
    with workload.dial("api.example", 80) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: forbidden.example\r\n\r\n")
        assert response(client)[0].status == 502
        client.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
        assert response(client)[0].status == 200


@pytest.mark.core
def test_pipelined_requests_are_answered_in_their_order(workload: Workload, origins: LabOrigins) -> None:
    paths = [f"/{number}" for number in range(5)]
    with workload.dial("api.example", 80) as client:
        client.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: api.example\r\n\r\n".encode() for path in paths[:-1]))
        client.sendall(f"GET {paths[-1]} HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n".encode())
        answers = drain(client)
    assert [answers.index(f"GET {path} ".encode()) for path in paths] == sorted(
        answers.index(f"GET {path} ".encode()) for path in paths
    )


# Informational answers and trailers.


def test_early_hints_pass_to_http1(workload: Workload, origins: LabOrigins) -> None:
    received = workload.say("api.example", b"GET /early HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    first, second = received.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"103 ")
    assert b"link: </style.css>; rel=preload" in first
    assert second.startswith(b"200 ")
    assert second.endswith(b"final\n")


def test_early_hints_do_not_disturb_http2(workload: Workload, origins: LabOrigins) -> None:
    with workload.dial("api.example", 80) as sock:
        stream = Client(sock).ask(request("api.example", "/early"))
    assert (stream.status, stream.body) == (200, b"final\n")


def test_trailers_of_a_request_reach_the_origin_over_http1(workload: Workload, origins: LabOrigins) -> None:
    body = b"5\r\nhello\r\n0\r\nX-Checksum: 5d41402a\r\n\r\n"
    head = b"POST /upload HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    answer = parsed(workload.say("api.example", head + b"Trailer: X-Checksum\r\n\r\n" + body))
    assert answer.json["length"] == 5
    assert [(name.lower(), value) for name, value in answer.json["trailers"]] == [("x-checksum", "5d41402a")]


def test_trailers_of_a_response_reach_the_workload_over_http1(workload: Workload, origins: LabOrigins) -> None:
    received = workload.say("api.example", b"GET /trailers HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    assert received.endswith(b"5\r\nhello\r\n0\r\nx-checksum: 5d41402a\r\n\r\n")


@pytest.mark.parametrize("encrypted", [False, True], ids=["h2c", "h2"])
def test_trailers_pass_both_ways_over_http2(workload: Workload, origins: LabOrigins, encrypted: bool) -> None:
    scheme = "https" if encrypted else "http"
    opened = workload.secure("api.example", alpn="h2") if encrypted else workload.dial("api.example", 80)
    with opened as sock:
        client = Client(sock)
        up = client.ask(request("api.example", "/upload", "POST", scheme), b"hello", [("x-checksum", "5d41402a")])
        down = client.ask(request("api.example", "/trailers", scheme=scheme))
    assert (up.json["length"], up.json["trailers"]) == (5, [["x-checksum", "5d41402a"]])
    assert (down.body, down.trailers) == (b"hello", [("x-checksum", "5d41402a")])


# Framing.


@pytest.mark.parametrize("flag", ["--http1.1", "--http2-prior-knowledge"])
def test_head_has_the_length_and_no_body(workload: Workload, origins: LabOrigins, flag: str) -> None:
    answer = workload.curl("http://api.example/stream?mb=1", flag, "--head")
    assert (answer.exit, answer.status, answer.body) == (0, 200, b"")
    assert answer.header("content-length") == str(1024 * 1024)


def test_head_to_a_denied_host_has_no_body(workload: Workload) -> None:
    answer = workload.get("forbidden.example", b"HEAD / HTTP/1.1\r\nHost: forbidden.example")
    assert (answer.status, answer.body) == (502, b"")
    assert int(answer.header("content-length") or 0) > 0


@pytest.mark.core
@pytest.mark.parametrize("host", ["api.example", "a.wild.example"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [204, 304])
def test_what_an_origin_sends_after_such_a_head_is_no_answer(
    workload: Workload, origins: LabOrigins, status: int, method: str, host: str
) -> None:
    """The origin sends a body all the same, in either version of HTTP."""
    with workload.dial(host, 80) as client:
        client.sendall(f"{method} /status/{status} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        first, body = response(client, method)
        client.sendall(f"GET /next HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        second, told = response(client)
    assert (first.status, body) == (status, b"")
    assert (second.status, json.loads(told)["server"]) == (200, "api-plain")


@pytest.mark.parametrize("flag", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_end_with_their_head(
    workload: Workload, origins: LabOrigins, status: int, flag: str
) -> None:
    answer = workload.curl(f"http://api.example/status/{status}", flag)
    assert (answer.exit, answer.status, answer.body) == (0, status, b""), answer


def test_http10_is_answered_and_closed(workload: Workload, origins: LabOrigins) -> None:
    with workload.dial("api.example", 80) as client:
        client.sendall(b"GET /old HTTP/1.0\r\nHost: api.example\r\n\r\n")
        answer = parsed(drain(client))
    assert answer.status == 200
    assert answer.json["line"].startswith("GET /old HTTP/1.")


def test_chunks_of_a_request_are_whole_at_the_origin(workload: Workload, origins: LabOrigins) -> None:
    data = bytes(range(256)) * 1000
    pieces = [data[at : at + 997] for at in range(0, len(data), 997)]
    with workload.dial("api.example", 80) as client:
        client.sendall(b"PUT /upload HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            client.sendall(b"%X;extension=1\r\n%s\r\n" % (len(piece), piece))
        client.sendall(b"0\r\n\r\n")
        _, body = response(client)
    assert json.loads(body)["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_response_that_breaks_off_does_not_look_whole(workload: Workload, origins: LabOrigins) -> None:
    answer = workload.curl("http://api.example/close", "--http1.1")
    assert answer.status == 503, answer
    assert answer.denial["code"] == "upstream_reset"


SECOND = b"GET /second HTTP/1.1\r\nHost: api.example\r\n\r\n"


@pytest.mark.core
@pytest.mark.parametrize("fields", [{}, {"content_length": str(len(SECOND))}], ids=["unannounced", "announced"])
@pytest.mark.parametrize("body", [SECOND, b""], ids=["a request", "nothing"])
def test_a_body_of_http2_is_no_second_request_at_an_origin_of_http1(
    workload: Workload, origins: LabOrigins, fields: dict[str, str], body: bytes
) -> None:
    fields = fields if body else {}
    with workload.dial("api.example", 80) as sock:
        stream = Client(sock).ask(request("api.example", "/upload", "POST", **fields), body)
    assert stream.json["sha256"] == hashlib.sha256(body).hexdigest()
    assert [seen["line"] for seen in origins.records("request")] == ["POST /upload HTTP/1.1"]


@pytest.mark.parametrize("path", ["/chunks?n=3&size=5", "/trailers", "/status/204", "/stream?mb=1", "/early"])
def test_an_answer_of_http2_is_framed_for_a_workload_of_http1(
    workload: Workload, origins: LabOrigins, path: str
) -> None:
    with workload.dial("a.wild.example", 80) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a.wild.example\r\n\r\n".encode())
        first, body = response(client)
        client.sendall(b"GET /next HTTP/1.1\r\nHost: a.wild.example\r\n\r\n")
        second, _ = response(client)
    assert [seen["line"].split()[2] for seen in origins.records("request")] == ["HTTP/2", "HTTP/2"]
    assert (first.status, second.status) == (204 if "204" in path else 200, 200)
    assert len(body) == {"/chunks": 15, "/traile": 5, "/status": 0, "/stream": 1024 * 1024, "/early": 6}[path[:7]]


SMUGGLED = {
    "both framings": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a signed length": b"Content-Length: +5\r\n\r\nhello",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a hidden coding": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a folded field": b"X-A: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Content-Length : 5\r\n\r\nhello",
}


@pytest.mark.core
@pytest.mark.parametrize("case", SMUGGLED)
def test_framing_that_two_parsers_could_read_differently_is_refused(
    workload: Workload, origins: LabOrigins, journal: Journal, case: str
) -> None:
    answer = parsed(workload.say("api.example", b"POST / HTTP/1.1\r\nHost: api.example\r\n" + SMUGGLED[case]))
    assert answer.status == 400, answer
    assert journal.one(verdict="deny")["code"] == "request_malformed"
    assert not origins.records("request")


# Other protocols.


@pytest.mark.core
def test_connect_is_refused_in_transparent_mode(workload: Workload, counting: Lab, journal: Journal) -> None:
    with untouched(counting, *world.ADDRESSES["api"]):
        answer = workload.get("api.example", b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443")
    assert (answer.status, answer.denial["code"]) == (405, "connect_refused")
    assert journal.one(verdict="deny")["code"] == "connect_refused"


@pytest.mark.core
def test_connect_is_refused_over_http2(workload: Workload, counting: Lab, journal: Journal) -> None:
    with untouched(counting, *world.ADDRESSES["api"]), workload.dial("api.example", 80) as sock:
        stream = Client(sock).ask([(":method", "CONNECT"), (":authority", "api.example:80")])
    assert stream.status == 0, stream
    assert journal.one(verdict="deny")["code"] == "request_malformed"


@pytest.mark.core
@pytest.mark.parametrize("offered", ["TLS/1.0", "irc/6.9", "websocket, h2c", "foo"])
def test_an_upgrade_to_anything_but_websocket_is_refused(
    workload: Workload, counting: Lab, journal: Journal, offered: str
) -> None:
    head = f"GET / HTTP/1.1\r\nHost: api.example\r\nUpgrade: {offered}\r\nConnection: Upgrade\r\n\r\n".encode()
    with untouched(counting, *world.ADDRESSES["api"]), workload.dial("api.example", 80) as client:
        client.sendall(head)
        answer, body = response(client)
    assert (answer.status, json.loads(body)["outgate"]["code"]) == (403, "upgrade_refused")
    assert journal.one(verdict="deny")["code"] == "upgrade_refused"


@pytest.mark.core
def test_an_offer_of_h2c_is_dropped_and_the_request_goes_on(workload: Workload, origins: LabOrigins) -> None:
    answer = workload.curl("http://api.example/", "--http2")
    assert (answer.status, answer.version) == (200, "HTTP/1.1")
    sent = {name.lower() for name, _ in answer.json["headers"]}
    assert not sent & {"upgrade", "http2-settings", "connection"}
