"""What is on the wire: requests inside requests, fields that speak to the gate, and fields that end at it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from e2e.documents import defaults, destination, policy
from e2e.http2_client import Client, request
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload, parsed

pytestmark = [pytest.mark.netns, pytest.mark.core]

POLICY = policy(
    defaults(mode="REGISTRY_ONLY"),
    destination("api.example", "a.wild.example", ports=("80/HTTP", "443/HTTPS")),
)
INNER = b"GET /inner HTTP/1.1\r\nHost: forbidden.example\r\nX-Inner: 1\r\n\r\n"
LENGTH = b"%d" % len(INNER)
CHUNK = b"%x\r\n" % len(INNER) + INNER + b"\r\n0\r\n\r\n"
SMUGGLED = {
    "CL.TE": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(INNER)) + INNER,
    "TE.CL": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + CHUNK,
    "TE.TE": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + CHUNK,
    "TE in two fields": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK,
    "TE with a tab": b"Transfer-Encoding:\tchunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "TE with a vertical tab": b"Transfer-Encoding: \x0bchunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "TE with a quote": b'Transfer-Encoding: "chunked"\r\nContent-Length: ' + LENGTH + b"\r\n\r\n" + INNER,
    "TE behind a space": b" Transfer-Encoding: chunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "TE before a colon's space": b"Transfer-Encoding : chunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "TE behind a bare CR": b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "TE behind a bare LF": b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "TE behind a NUL": b"X\0: y\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + CHUNK,
    "TE, an underscore": b"Transfer_Encoding: chunked\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "a length twice": b"Content-Length: 0\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "a length in a list": b"Content-Length: 0, " + LENGTH + b"\r\n\r\n" + INNER,
    "a length in hexadecimal": b"Content-Length: 0x10\r\n\r\n" + INNER,
    "a length with a sign": b"Content-Length: +0\r\n\r\n" + INNER,
    "a negative length": b"Content-Length: -1\r\n\r\n" + INNER,
    "a length with a point": b"Content-Length: 0.0\r\n\r\n" + INNER,
    "a length in another script": b"Content-Length: \xd9\xa0\r\n\r\n" + INNER,
    "a length too large": b"Content-Length: 18446744073709551616\r\n\r\n" + INNER,
    "a chunk's size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + INNER,
    "a chunk's size with 0x": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + INNER,
    "a chunk's size too large": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + INNER,
    "a chunk that ends with LF": b"Transfer-Encoding: chunked\r\n\r\n0\n\n" + INNER,
    "a chunk longer than its size": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n" + INNER,
    "a chunk's extension with LF": b"Transfer-Encoding: chunked\r\n\r\n1;x=\n\r\na\r\n0\r\n\r\n" + INNER,
    "a body of GET": b"Content-Length: " + LENGTH + b"\r\n\r\n" + INNER,
    "expecting to continue": b"Expect: 100-continue\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER,
}
METHODS = {"a body of GET": b"GET"}


@pytest.mark.parametrize("case", SMUGGLED)
def test_p16_no_origin_reads_a_request_that_was_not_judged(
    workload: Workload, counting: Lab, origins: LabOrigins, journal: Journal, case: str
) -> None:
    """Whatever becomes of it, what origins take for a request is what the gate allowed as one; the one inside it is for
    a host that is denied."""
    head = METHODS.get(case, b"POST") + b" /outer HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n"
    with untouched(counting, *world.ADDRESSES["forbidden"]):
        workload.say("api.example", head + SMUGGLED[case])
        after = workload.get("api.example", b"GET /after HTTP/1.1\r\nHost: api.example")
    assert (after.status, after.json["line"].split()[1]) == (200, "/after")
    heard = [urlsplit(seen["line"].split()[1]).path for seen in origins.records("request")]
    assert journal.one(path="/after")
    assert heard in (["/after"], ["/outer", "/after"]), heard
    assert "/inner" not in [entry.get("path") for entry in journal(verdict="allow")]


@pytest.mark.parametrize("spoken", ["http/1", "http/2"])
def test_p16_a_corpus_that_is_let_through_would_be_noticed(
    workload: Workload, origins: LabOrigins, journal: Journal, spoken: str
) -> None:
    """The control: two requests in a row are two at the origin."""
    if spoken == "http/1":
        one = b"GET /%s HTTP/1.1\r\nHost: api.example\r\n"
        workload.say("api.example", one % b"outer" + b"\r\n" + one % b"inner" + b"Connection: close\r\n\r\n")
    else:
        with workload.dial("api.example", 80) as sock:
            client = Client(sock)
            assert [client.ask(request("api.example", path)).status for path in ("/outer", "/inner")] == [200, 200]
    assert [seen["line"].split()[1] for seen in origins.records("request")] == ["/outer", "/inner"]


@pytest.mark.parametrize("length", ["18446744073709551616", "9999999999999999999"])
def test_p16_a_stream_announces_no_length_that_an_origin_of_http1_may_misread(
    workload: Workload, origins: LabOrigins, length: str
) -> None:
    with workload.dial("api.example", 80) as sock:
        stream = Client(sock).ask(request("api.example", "/outer", "POST", content_length=length), INNER)
    assert stream.status != 200
    assert not origins.records("request")


CONTROLS = {
    "x-outgate-bypass": "1",
    "X-Outgate-Identity": "prod/admin",
    "x-outgate-destination": "forbidden.example",
    "x-outgate-flags": "UF",
}


@pytest.mark.parametrize("spoken", ["http/1", "http/2"])
def test_p56_fields_that_look_like_the_gates_own_do_nothing_and_end_here(
    workload: Workload, counting: Lab, origins: LabOrigins, spoken: str
) -> None:
    flags = ["--http2-prior-knowledge"] if spoken == "http/2" else ["--http1.1"]
    for name, value in CONTROLS.items():
        flags += ["-H", f"{name}: {value}"]
    assert workload.curl("http://api.example/", *flags).status == 200
    (seen,) = origins.records("request")
    assert not [name for name, _ in seen["headers"] if name.lower().startswith("x-outgate")]
    with untouched(counting, *world.ADDRESSES["forbidden"]):
        assert workload.curl("http://forbidden.example/", *flags).status == 502


FOREIGN = {"baggage": "user=alice", "tracestate": "vendor=payload"}


@pytest.mark.parametrize("spoken", ["http/1", "http/2"])
def test_p55_nothing_that_others_put_into_a_trace_leaves_with_it(
    workload: Workload, origins: LabOrigins, spoken: str
) -> None:
    flags = ["--http2-prior-knowledge"] if spoken == "http/2" else ["--http1.1"]
    for name, value in FOREIGN.items():
        flags += ["-H", f"{name}: {value}"]
    assert workload.curl("http://api.example/", *flags).status == 200
    (seen,) = origins.records("request")
    assert FOREIGN.keys().isdisjoint(name.lower() for name, _ in seen["headers"])


def test_p56_an_origin_cannot_speak_for_the_gate_either(workload: Workload, origins: LabOrigins) -> None:
    answer = workload.curl("http://api.example/headers?x-outgate-flags=UF&x-plain=1")
    assert answer.header("x-plain") == "1"
    assert answer.header("x-outgate-flags") is None


NAMED = {
    "a field of its own": ("x-secret", False),
    "a field for the origin": ("authorization", True),
    "cookies": ("cookie", True),
    "the host": ("host", True),
    "an offer to switch": ("notupgrade, upgrade-insecure", False),
    "itself": ("connection", False),
}


@pytest.mark.parametrize("case", NAMED)
def test_p57_what_the_connection_field_names_ends_here_but_nothing_that_proves_or_routes(
    workload: Workload, origins: LabOrigins, case: str
) -> None:
    named, kept = NAMED[case]
    fields = {"x-secret": "1", "authorization": "Bearer abc", "cookie": "a=b", "upgrade": "notwebsocket"}
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in fields.items() if name != "upgrade")
    head = b"GET / HTTP/1.1\r\nHost: api.example\r\n" + lines + b"Connection: close, " + named.encode() + b"\r\n\r\n"
    answer = parsed(workload.say("api.example", head))
    assert answer.status == 200, answer
    sent = {name.lower() for name, _ in answer.json["headers"]}
    assert (named in sent) == kept
    assert not sent & {"connection", "keep-alive", "proxy-connection", "te", "upgrade"}
    assert {"host", "authorization", "cookie"} <= sent


def test_p57_a_body_is_framed_although_the_connection_field_names_its_frame(
    workload: Workload, origins: LabOrigins
) -> None:
    head = (
        b"POST /upload HTTP/1.1\r\nHost: api.example\r\nConnection: close, content-length\r\nContent-Length: 5\r\n\r\n"
    )
    assert parsed(workload.say("api.example", head + b"hello")).json["length"] == 5


def test_p23_an_origin_offers_no_other_way_to_itself(workload: Workload, origins: LabOrigins) -> None:
    for speech in ("--http1.1", "--http2"):
        answer = workload.curl("https://api.example/headers?alt-svc=h3%3D%22:443%22&x-plain=1", speech)
        assert (answer.header("x-plain"), answer.header("alt-svc")) == ("1", None)


def test_p41_what_is_compressed_is_passed_and_never_unpacked(workload: Workload, origins: LabOrigins) -> None:
    """So no bomb goes off here. Looking into bodies is not done, and where something is masked nothing compressed
    passes: that is tested with credentials."""
    answer = workload.curl("http://api.example/gzip")
    assert answer.header("content-encoding") == "gzip"
    assert answer.body[:2] == b"\x1f\x8b"
