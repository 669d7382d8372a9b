"""Live messages through one gate: what a rule takes reaches nobody, everything else arrives byte by byte."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import brotli
import pytest
import zstandard
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from e2e.documents import Document, defaults, native, policy
from e2e.http2_client import Client
from e2e.journal import Journal
from e2e.lab import world
from e2e.lab.gate import PATIENCE, LoopbackGate
from e2e.tape import PAUSE, Tape
from telemetry.receiver import until

CARD = "4111111111111111"
SPACED = "4111 1111 1111 1111"
MASKED = "************1111"
CAP = 64 * 1024
HOSTS = {
    "mask.example": {"action": "MASK", "maxBody": CAP},
    "block.example": {"action": "BLOCK", "maxBody": CAP},
    "forced.example": {"action": "MASK", "maxBody": CAP, "forceSigned": True},
    "scan.example": {"action": "MASK", "maxBody": CAP, "opaque": "SCAN"},
    "asked.example": {"action": "MASK", "maxBody": CAP, "direction": "REQUEST"},
    "grpc.example": {"action": "MASK", "maxBody": CAP},
    "calls.example": {"action": "BLOCK", "maxBody": CAP},
    "tcp.example": {"action": "MASK"},
}
PROTOCOLS = {"grpc.example": "GRPC", "calls.example": "GRPC", "tcp.example": "TCP"}
CODINGS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (gzip.compress, gzip.decompress),
    "br": (brotli.compress, brotli.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "zstd": (zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
}


def place(host: str, port: int) -> Document:
    upstream = {"port": port, "endpoints": [{"address": "127.0.0.1", "port": port}]}
    ports = [{"number": 80, "protocol": PROTOCOLS.get(host, "HTTP"), "upstream": upstream}]
    return native(
        "EgressDestination", host.partition(".")[0], {"hosts": [host], "resolution": "STATIC", "ports": ports}
    )


def watching(host: str, inline: dict[str, object]) -> Document:
    rules = [
        {"name": "cards", "detect": "card", "replace": {"strategy": "MASK", "keep": 4}},
        {"name": "pins", "select": {"key": "card pin"}, "replace": {"strategy": "CONSTANT", "text": "none"}},
    ]
    spec = {"match": {"hosts": [host]}, "rules": rules, "inline": inline}
    return native("EgressRedaction", host.partition(".")[0], spec)


@pytest.fixture(scope="module")
def tape() -> Iterator[Tape]:
    with Tape() as running:
        yield running


@pytest.fixture(scope="module")
def gate(origin_pki: world.OriginPki, tape: Tape) -> Iterator[LoopbackGate]:
    documents = [place(host, tape.port) for host in [*HOSTS, "plain.example"]]
    documents += [watching(host, inline) for host, inline in HOSTS.items()]
    text, patient = policy(defaults(mode="REGISTRY_ONLY"), *documents), {"hook_timeout": 120}
    with LoopbackGate(text, origin_pki, settings=patient) as running:
        yield running
        assert "Traceback" not in running.stderr(), running.stderr()
        told = json.dumps(running.log()) + running.stderr() + running.asked("/metrics")
        assert CARD not in told.replace(" ", "")


@pytest.fixture(autouse=True)
def anew(tape: Tape) -> None:
    tape.forget()


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes
    whole: bool = True

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["outgate"]["code"])


def ask(
    gate: LoopbackGate,
    host: str,
    path: str = "/",
    body: bytes = b"",
    pieces: int = 0,
    method: str = "POST",
    **said: str,
) -> Answer:
    """One request. `pieces`: bytes of each, written one by one. A body in a list goes in chunks of that kind."""
    head = {"Host": host, "Content-Length": str(len(body)), **{name.replace("_", "-"): said[name] for name in said}}
    text = f"{method} http://{host}{path} HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in head.items()
    )
    return sent(gate, text.encode("latin-1") + b"\r\n", *cut(body, pieces), method=method)


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)] if size else [body]


def sent(gate: LoopbackGate, *pieces: bytes, method: str = "POST") -> Answer:
    with socket.create_connection(gate.address, PATIENCE) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(pieces):
            if number > 1:
                time.sleep(PAUSE)
            made.sendall(piece)
        return answered(made, method)


def answered(made: socket.socket, method: str = "GET") -> Answer:
    read = http.client.HTTPResponse(made, method=method)
    read.begin()
    try:
        body, whole = read.read(), True
    except (http.client.IncompleteRead, ConnectionError) as error:
        body, whole = getattr(error, "partial", b""), False
    return Answer(read.status, {name.lower(): value for name, value in read.getheaders()}, body, whole)


def chunked(
    host: str, *chunks: bytes, kind: str = "application/json", end: bytes = b"0\r\n\r\n", **said: str
) -> list[bytes]:
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in said.items())
    known = f"Host: {host}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n{fields}\r\n"
    return [
        f"POST http://{host}/ HTTP/1.1\r\n{known}".encode(),
        *(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks),
        end,
    ]


# Requests, masked.


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PART = 'Content-Disposition: form-data; name="c"'
BODIES = {
    "json": ("application/json", '{"a": 1.10, "card" :"%s", "z":[ ]}', CARD, MASKED),
    "json number": ("application/json", '{"a": %s}', CARD, f'"{MASKED}"'),
    "json escaped": ("application/json", '{"a": "\\u0034%s"}', CARD[1:], None),
    "json in json": ("application/json", '{"a": "{\\"b\\": \\"%s\\"}"}', CARD, MASKED),
    "json named": ("application/json", '{"card_pin": "%s"}', "1234", "none"),
    "form": ("application/x-www-form-urlencoded", "a=b%%20c&card=%s&z=", CARD, "%2A" * 12 + "1111"),
    "multipart": ("multipart/form-data; boundary=xx", f"--xx\r\n{PART}\r\n\r\n%s\r\n--xx--\r\n", CARD, MASKED),
    "xml": ("application/xml", "<a b='1'><c>%s</c></a>", CARD, MASKED),
    "text": ("text/plain", "mine is %s.\n", SPACED, "*" * 15 + "1111"),
    "html": ("text/html", "<p>mine is %s</p>", CARD, MASKED),
    "csv": ("text/csv", "a,b\n1,%s\n", CARD, MASKED),
    "lines": ("application/x-ndjson", '{"a": 1}\n{"a": "%s"}\n', CARD, MASKED),
    "no type": ("", '{"a": "%s"}', CARD, MASKED),
    "base64": ("application/json", '{"a": "%s"}', in_base64(f"my card is {CARD}!"), in_base64(f"my card is {MASKED}!")),
}  # fmt: skip


def kinds(kind: str) -> dict[str, str]:
    return {"Content_Type": kind} if kind else {}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("size", [0, 7], ids=["at once", "in pieces"])
def test_a_body_leaves_without_what_a_rule_takes_and_else_as_it_came(gate, tape, name, size):
    kind, text, value, instead = BODIES[name]
    assert ask(gate, "mask.example", body=(text % value).encode(), pieces=size, **kinds(kind)).status == 200
    (got,) = tape.got
    assert CARD.encode() not in tape.raw
    assert got.fields["content-length"] == str(len(got.body)).encode()
    if instead is not None:
        assert got.body == (text % instead).encode()


@pytest.mark.parametrize("name", BODIES)
def test_a_body_without_it_leaves_byte_by_byte(gate, tape, name):
    kind, text, *_ = BODIES[name]
    body = (text % "none").replace('{"a": none}', '{"a": 17}').encode()
    said = {"Content_MD5": "of no body", "ETag": '"1"', "X_Mine": "a  b", **kinds(kind)}
    assert ask(gate, "mask.example", body=body, **said).status == 200
    (got,) = tape.got
    assert got.body == body
    assert {name: got.fields[name] for name in ("content-md5", "etag", "x-mine")} == {
        "content-md5": b"of no body", "etag": b'"1"', "x-mine": b"a  b",
    }  # fmt: skip


@pytest.mark.parametrize("coding", CODINGS)
def test_a_coded_body_is_coded_again(gate, tape, coding):
    pack, unpack = CODINGS[coding]
    body = pack(json.dumps({"a": CARD, "b": "c" * 100}).encode())
    assert ask(gate, "mask.example", body=body, pieces=9, Content_Encoding=coding).status == 200
    (got,) = tape.got
    assert json.loads(unpack(got.body)) == {"a": MASKED, "b": "c" * 100}
    assert (got.fields["content-encoding"], int(got.fields["content-length"])) == (coding.encode(), len(got.body))


def test_a_value_that_is_split_over_chunks(gate, tape):
    pieces = [f'{{"a": "{CARD[:5]}'.encode(), CARD[5:9].encode(), f'{CARD[9:]}"}}'.encode()]
    assert sent(gate, *chunked("mask.example", *pieces)).status == 200
    (got,) = tape.got
    assert json.loads(got.body) == {"a": MASKED}
    assert "content-length" not in got.fields


def test_one_byte_at_a_time(gate, tape):
    body = f'{{"a": "{CARD}"}}'.encode()
    assert sent(gate, *chunked("mask.example", *cut(body, 1))).status == 200
    assert [json.loads(each.body) for each in tape.got] == [{"a": MASKED}]


@pytest.mark.parametrize(
    ("path", "said", "line", "fields"),
    [
        (f"/a?b=%20&card={CARD}&c", {}, b"POST /a?b=%20&card=%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A1111&c HTTP/1.1", {}),
        (f"/users/{CARD}/x", {}, f"POST /users/{MASKED}/x HTTP/1.1".encode(), {}),
        ("/", {"X_Card": CARD}, b"POST / HTTP/1.1", {"x-card": MASKED.encode()}),
        ("/", {"Cookie": f"a=b; card={CARD}"}, b"POST / HTTP/1.1", {"cookie": f"a=b; card={MASKED}".encode()}),
        ("/", {"Authorization": "Bearer kept"}, b"POST / HTTP/1.1", {"authorization": b"Bearer kept"}),
        ("/", {"Referer": f"http://a.example/{CARD}"}, b"POST / HTTP/1.1", {}),
    ],
    ids=["query", "path", "field", "cookie", "no rule that ships", "referer"],
)
def test_a_head_leaves_without_it(gate, tape, path, said, line, fields):
    assert ask(gate, "mask.example", path, **said).status == 200
    (got,) = tape.got
    assert got.line == line
    assert fields.items() <= got.fields.items()
    assert CARD.encode() not in tape.raw


def test_what_frames_chunks_and_folds_lines_carries_nothing(gate, tape):
    head = "POST http://mask.example/ HTTP/1.1\r\nHost: mask.example\r\n"
    chunk = f"Transfer-Encoding: chunked\r\n\r\n2;card={CARD}\r\n{{}}\r\n0;card={CARD}\r\n\r\n"
    assert sent(gate, (head + chunk).encode()).status == 200
    sent(gate, f"{head}X-Card: {CARD[:8]}\r\n {CARD[8:]}\r\nContent-Length: 0\r\n\r\n".encode())
    digits = bytes(tape.raw).translate(None, b" \r\n")
    assert CARD.encode() not in digits


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_the_head_of_a_stream_of_events_is_a_head(gate, tape, coding):
    tape.answer = [head("Content-Type: text/event-stream", *([f"Content-Encoding: {coding}"] if coding else []))]
    answer = ask(gate, "mask.example", method="HEAD")
    assert (answer.status, answer.body, answer.fields["content-type"]) == (200, b"", "text/event-stream")


def test_trailers_are_looked_at_with_their_body(gate, tape):
    end = f"0\r\nX-Card: {CARD}\r\nX-Sum: 1\r\n\r\n".encode()
    assert sent(gate, *chunked("mask.example", b"{}", end=end, Trailer="X-Card")).status == 200
    (got,) = tape.got
    assert got.trailers == {"x-card": MASKED.encode(), "x-sum": b"1"}


def test_digests_are_made_of_what_leaves(gate, tape):
    body, made = f'{{"a": "{CARD}"}}'.encode(), f'{{"a": "{MASKED}"}}'.encode()
    said = {"Content_MD5": "x", "Content_Digest": "sha-256=:x:, unixsum=1", "Digest": "SHA-512=x", "ETag": '"1"'}
    assert ask(gate, "mask.example", body=body, **said).status == 200
    (got,) = tape.got
    assert got.body == made
    assert got.fields["content-md5"] == base64.b64encode(hashlib.md5(made).digest())
    assert got.fields["content-digest"] == b"sha-256=:%b:" % base64.b64encode(hashlib.sha256(made).digest())
    assert got.fields["digest"] == b"SHA-512=%b" % base64.b64encode(hashlib.sha512(made).digest())
    assert "etag" not in got.fields


def test_who_waits_for_a_word_before_its_body_gets_it(gate, tape):
    body = f'{{"a": "{CARD}"}}'.encode()
    fields = f"Host: mask.example\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(gate.address, PATIENCE) as made:
        made.sendall(f"POST http://mask.example/ HTTP/1.1\r\n{fields}".encode())
        assert made.recv(100).startswith(b"HTTP/1.1 100")
        made.sendall(body)
        assert answered(made).status == 200
    assert json.loads(tape.got[0].body) == {"a": MASKED}


# Refused: nothing leaves.

SIGV4 = "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date;x-card, Signature=ff"
JSON = f'{{"a": "{CARD}"}}'.encode()
LONG = json.dumps(["a" * 70_000, CARD]).encode()
REFUSED: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "undecodable": ("/", b"no gzip " + JSON, {"Content_Encoding": "gzip"}),
    "truncated": ("/", gzip.compress(JSON)[:-4], {"Content_Encoding": "gzip"}),
    "unknown coding": ("/", JSON, {"Content_Encoding": "aws-chunked"}),
    "bomb": ("/", gzip.compress(b" " * 8_000_000 + JSON), {"Content_Encoding": "gzip"}),
    "no json": ("/", JSON[:-2], {"Content_Type": "application/json"}),
    "bytes": ("/", b"\x89PNG\r\n\x1a\n\0\0\0\xff" + JSON, {"Content_Type": "image/png"}),
    "piece": ("/", JSON, {"Content_Range": "bytes 0-19/40"}),
    "name of a field": ("/", b"", {f"X-{CARD}": "1"}),
    "what frames it": ("/", b"", {"Grpc_Encoding": CARD}),
    "beyond the cap": ("/", LONG, {"Content_Type": "application/json"}),
    "too deep": ("/", json.dumps(json.dumps(json.dumps(json.dumps(json.dumps(json.dumps([CARD])))))).encode(), {}),
    "aws body": ("/", JSON, {"Authorization": SIGV4}),
    "aws query": (f"/?c={CARD}", b"", {"Authorization": SIGV4}),
    "aws field": ("/", b"", {"Authorization": SIGV4, "X_Card": CARD}),
    "aws hash": ("/", JSON, {"Authorization": SIGV4, "X_Amz_Content_Sha256": "0" * 64}),
    "signed url": (f"/?c={CARD}&X-Amz-Signature=ff&X-Amz-SignedHeaders=host", b"", {}),
    "rfc 9421": ("/", JSON, {"Signature_Input": 's=("@method" "content-digest")', "Signature": "s=:ff:"}),
    "draft": ("/", JSON, {"Authorization": 'Signature keyId="a",headers="date digest",signature="ff"'}),
    "oauth 1": (f"/?c={CARD}", b"", {"Authorization": 'OAuth oauth_consumer_key="a", oauth_signature="ff"'}),
    "digest": ("/", JSON, {"Authorization": 'Digest username="a", qop=auth-int, response="ff"'}),
    "webhook": ("/", JSON, {"X_Hub_Signature_256": "sha256=ff"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_looked_into_or_changed_does_not_leave(gate, tape, name):
    path, body, said = REFUSED[name]
    connections = tape.connections
    answer = ask(gate, "mask.example", path, body, **said)
    assert (answer.status, answer.code) == (403, "redaction_refused")
    assert (tape.got, tape.connections) == ([], connections)
    assert CARD.encode() not in tape.raw


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/", JSON, {"Authorization": SIGV4, "X_Amz_Content_Sha256": "UNSIGNED-PAYLOAD"}),
        ("/", JSON, {"Signature_Input": 's=("@method" "@path")', "Signature": "s=:ff:"}),
        ("/", JSON, {"Authorization": 'Digest username="a", qop=auth, response="ff"'}),
        ("/", b"{}", {"X_Other": CARD, "Authorization": SIGV4}),
    ],
    ids=["unsigned payload", "no digest covered", "auth", "another field"],
)
def test_what_no_signature_covers_is_masked_beside_it(gate, tape, path, body, said):
    assert ask(gate, "mask.example", path, body, **said).status == 200
    assert len(tape.got) == 1
    assert CARD.encode() not in tape.raw


@pytest.mark.parametrize("name", [name for name, row in REFUSED.items() if "signature" in str(row).lower()])
def test_what_is_forced_is_masked_signed_or_not(gate, tape, name):
    path, body, said = REFUSED[name]
    assert ask(gate, "forced.example", path, body, **said).status == 200
    assert CARD.encode() not in tape.raw
    assert b"1111" in tape.raw


def test_bytes_are_looked_through_where_documents_say_so(gate, tape):
    path, body, said = REFUSED["bytes"]
    assert ask(gate, "scan.example", path, body, **said).status == 200
    assert tape.got[0].body == body.replace(CARD.encode(), MASKED.encode())


# Beyond the cap.


def test_a_long_text_is_masked_as_it_passes(gate, tape):
    words = "".join(f"line {number} of a text\n" for number in range(20_000))
    text = f"{words[:CAP]} {SPACED}\n{words[:200_000]} {CARD}\n{words}"
    assert ask(gate, "mask.example", body=text.encode(), Content_Type="text/plain", Content_MD5="x").status == 200
    (got,) = tape.got
    assert got.body == text.replace(SPACED, "*" * 15 + "1111").replace(CARD, MASKED).encode()
    assert got.fields["transfer-encoding"] == b"chunked"
    assert not {"content-length", "content-md5"} & got.fields.keys()


def test_long_lines_of_json_pass_one_by_one(gate, tape):
    lines = [json.dumps({"n": number, "a": "b" * 50}) for number in range(3000)]
    lines[1500] = json.dumps({"a": CARD})
    body = "\n".join(lines).encode()
    assert ask(gate, "mask.example", body=body, Content_Type="application/x-ndjson").status == 200
    assert tape.got[0].body == body.replace(CARD.encode(), MASKED.encode())


# Blocked.


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/", JSON, {}),
        ("/", JSON, {"Authorization": SIGV4}),
        ("/", gzip.compress(JSON), {"Content_Encoding": "gzip"}),
        ("/", f"a={CARD}".encode(), {"Content_Type": "application/x-www-form-urlencoded"}),
        (f"/?a={CARD}", b"", {}),
        (f"/{CARD}", b"", {}),
        ("/", b"", {"X_Card": CARD}),
        ("/", b"", {f"X-{CARD}": "1"}),
        ("/", json.dumps({CARD: 1}).encode(), {}),
    ],
    ids=["body", "signed", "coded", "form", "query", "path", "field", "name of a field", "name in a body"],
)
def test_what_is_blocked_does_not_leave(gate, tape, path, body, said):
    connections, journal = tape.connections, Journal(gate)
    answer = ask(gate, "block.example", path, body, **said)
    assert (answer.status, answer.code) == (403, "redaction_blocked")
    assert (tape.got, tape.connections) == ([], connections)
    assert CARD.encode() not in tape.raw
    line = journal.one(host="block.example")
    assert (line["verdict"], line["code"], line["status"]) == ("deny", "redaction_blocked", 403)
    assert line["rule"].startswith("EgressRedaction default/block")
    assert CARD.encode() not in answer.body


def test_what_holds_nothing_passes_there_untouched(gate, tape):
    said = {"Content_MD5": "x", "ETag": '"1"', "Authorization": SIGV4, "Content_Type": "application/json"}
    assert ask(gate, "block.example", "/a?b", b'{"a":  1.10}', **said).status == 200
    assert (tape.got[0].body, tape.got[0].fields["content-md5"]) == (b'{"a":  1.10}', b"x")


# Answers.


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *fields, "")).encode()


def with_length(body: bytes, *fields: str, status: str = "200 OK") -> list[bytes]:
    return [head(*fields, f"Content-Length: {len(body)}", status=status), *cut(body, max(1, len(body) // 3))]


def in_chunks(*pieces: bytes, kind: str) -> list[bytes]:
    made = [b"%x\r\n%b\r\n" % (len(each), each) for each in pieces]
    return [head(f"Content-Type: {kind}", "Transfer-Encoding: chunked"), *made, b"0\r\n\r\n"]


def test_an_answer_reaches_the_workload_without_it(gate, tape):
    tape.answer = with_length(
        JSON, "Content-Type: application/json", 'ETag: "1"', "Content-Digest: sha-256=:x:", f"X-C: {CARD}"
    )
    answer = ask(gate, "mask.example", method="GET")
    made = f'{{"a": "{MASKED}"}}'.encode()
    assert (answer.status, answer.body, answer.fields["content-length"]) == (200, made, str(len(made)))
    digest = base64.b64encode(hashlib.sha256(made).digest()).decode()
    assert (answer.fields["content-digest"], answer.fields["x-c"]) == (f"sha-256=:{digest}:", MASKED)
    assert "etag" not in answer.fields


@pytest.mark.parametrize("coding", CODINGS)
def test_a_coded_answer(gate, tape, coding):
    pack, unpack = CODINGS[coding]
    tape.answer = with_length(pack(JSON), f"Content-Encoding: {coding}")
    answer = ask(gate, "mask.example", method="GET")
    assert json.loads(unpack(answer.body)) == {"a": MASKED}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_without_it_is_as_it_was(gate, tape, method):
    body = b'{"a":  1.10}'
    tape.answer = [head('ETag: "1"', "X-A: b  c", f"Content-Length: {len(body)}"), body if method == "GET" else b""]
    answer = ask(gate, "mask.example", method=method)
    assert (answer.body, answer.fields["etag"], answer.fields["x-a"]) == (
        body if method == "GET" else b"",
        '"1"',
        "b  c",
    )
    assert answer.fields["content-length"] == str(len(body))


def test_answers_of_others_pass_as_they_are(gate, tape):
    tape.answer = with_length(JSON)
    assert [ask(gate, host, method="GET").body for host in ("asked.example", "plain.example")] == [JSON, JSON]


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_events_pass_one_by_one_however_they_are_cut(gate, tape, coding):
    events = (
        b'id: 1\ndata: {"a": 1}\n\n: note\n\ndata: {"a":\ndata: "%b"}\r\n\r\nevent: end\ndata: x\n\n' % CARD.encode()
    )
    body = gzip.compress(events) if coding else events
    fields = [f"Content-Encoding: {coding}"] if coding else []
    pieces = in_chunks(*cut(body, 3), kind="text/event-stream")
    tape.answer = [pieces[0][:-2] + "".join(f"{line}\r\n" for line in [*fields, ""]).encode(), *pieces[1:]]
    answer = ask(gate, "mask.example", method="GET")
    made = zlib.decompressobj(31).decompress(answer.body) if coding else answer.body
    assert CARD.encode() not in made
    assert made.startswith(b'id: 1\ndata: {"a": 1}\n\n: note\n\n')
    assert made.endswith(b"event: end\ndata: x\n\n")
    assert MASKED.encode() in made


def test_an_event_is_here_before_the_next_one_comes(gate, tape):
    first = threading_answer(tape, kind="text/event-stream")
    with socket.create_connection(gate.address, PATIENCE) as made:
        made.sendall(b"GET http://mask.example/ HTTP/1.1\r\nHost: mask.example\r\n\r\n")
        received = b""
        while b"data: 1\n\n" not in received:
            received += made.recv(65536)
        first.set()
        while b"0\r\n\r\n" not in received:
            received += made.recv(65536)
    assert b"data: 2\n\n" in received


def threading_answer(tape: Tape, kind: str) -> Any:
    """An answer whose second half waits."""
    waiting = threading.Event()

    def pieces() -> Iterator[bytes]:
        begin, one, two, end = in_chunks(b"data: 1\n\n", b"data: 2\n\n", kind=kind)
        yield from (begin, one)
        assert waiting.wait(PATIENCE)
        yield from (two, end)

    tape.answer = pieces()
    return waiting


def test_a_blocked_event_ends_a_stream_that_has_begun(gate, tape):
    tape.answer = in_chunks(b"data: 1\n\n", b"data: %b\n\n" % CARD.encode(), b"data: 3\n\n", kind="text/event-stream")
    journal = Journal(gate)
    answer = ask(gate, "block.example", method="GET")
    assert (answer.status, answer.whole) == (200, False)
    assert CARD.encode() not in answer.body
    assert journal.one(host="block.example")["code"] == "redaction_blocked"


SPLIT = ("your card is 4111", " 1111 11", "11 11", "11, right?")


@pytest.mark.parametrize(
    ("host", "code"), [("block.example", "redaction_blocked"), ("mask.example", "redaction_refused")]
)
def test_a_card_that_is_split_over_events_ends_the_stream_before_it_is_whole(gate, tape, host, code):
    events = [json.dumps({"choices": [{"delta": {"content": text}}]}).encode() for text in SPLIT]
    tape.answer = in_chunks(*(b"data: %b\n\n" % event for event in events), kind="text/event-stream")
    journal = Journal(gate)
    answer = ask(gate, host, method="GET")
    assert (answer.status, answer.whole) == (200, False)
    assert events[-1] not in answer.body
    assert journal.one(host=host)["code"] == code


@pytest.mark.parametrize(
    ("host", "answer", "code"),
    [
        ("block.example", with_length(JSON), "redaction_blocked"),
        ("mask.example", with_length(JSON, "Content-Range: bytes 0-1/4", status="206 Some"), "redaction_refused"),
        ("mask.example", with_length(b"no gzip", "Content-Encoding: gzip"), "redaction_refused"),
        ("mask.example", with_length(b"\x89PNG\r\n\x1a\n\0\0\xff\xfe" + JSON), "redaction_refused"),
        ("mask.example", with_length(LONG, "Content-Type: application/json"), "redaction_refused"),
    ],
    ids=["blocked", "a piece", "undecodable", "bytes", "beyond the cap"],
)  # fmt: skip
def test_an_answer_that_may_not_pass_does_not(gate, tape, host, answer, code):
    tape.answer = answer
    got = ask(gate, host, method="GET")
    assert (got.status, got.code) == (403, code)
    assert CARD.encode() not in got.body


def test_a_long_answer_of_text_is_masked_as_it_passes(gate, tape):
    text = ("line of a text\n" * 9000 + SPACED + "\n" + "more of it\n" * 9000).encode()
    tape.answer = with_length(text, "Content-Type: text/plain; charset=utf-8")
    answer = ask(gate, "mask.example", method="GET")
    assert answer.body == text.replace(SPACED.encode(), b"*" * 15 + b"1111")
    assert "content-length" not in answer.fields


def test_a_range_is_not_asked_for(gate, tape):
    tape.answer = with_length(b"{}")
    ask(gate, "mask.example", method="GET", Range="bytes=0-3", If_Range='"1"')
    ask(gate, "asked.example", method="GET", Range="bytes=0-3")
    ask(gate, "mask.example", method="GET", Range="bytes=0-3", Authorization=SIGV4)
    assert [got.fields.get("range") for got in tape.got] == [None, b"bytes=0-3", b"bytes=0-3"]


# WebSockets.


def websocket(gate: LoopbackGate, host: str, **options: Any) -> ClientConnection:
    made = socket.create_connection(gate.address, PATIENCE)
    made.sendall(f"CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n".encode())
    assert made.recv(4096).startswith(b"HTTP/1.1 200")
    return connect(f"ws://{host}/ws", sock=made, open_timeout=PATIENCE, **options)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_pass_without_it_in_both_directions(gate, tape, compression):
    tape.reply = lambda said: said if said.startswith(b"{") else said + f" and {CARD} €".encode()
    with websocket(gate, "mask.example", compression=compression) as client:
        client.send(["a €", CARD[:7], CARD[7:], " b"])
        assert client.recv(timeout=PATIENCE) == f"a €{MASKED} b and {MASKED} €"
        client.send(json.dumps({"a": CARD}).encode())
        assert client.recv(timeout=PATIENCE) == f'{{"a": "{MASKED}"}}'.encode()
        client.ping(CARD.encode()[:100])
        client.send("€" * 3000 + CARD)
        client.recv(timeout=PATIENCE)
        client.close(4000, f"mine is {CARD}")
    until(lambda: any(said.startswith(b"mine is") for said in tape.said))
    assert tape.said[:2] == [f"a €{MASKED} b".encode(), f'{{"a": "{MASKED}"}}'.encode()]
    assert ("€" * 3000 + MASKED).encode() in tape.said
    assert CARD.encode() not in b"".join(tape.said)


def test_a_message_that_is_blocked_ends_the_websocket(gate, tape):
    journal = Journal(gate)
    with websocket(gate, "block.example") as client:
        client.send("fine")
        assert client.recv(timeout=PATIENCE) == "fine"
        client.send(f"mine is {CARD}")
        with pytest.raises((ConnectionClosed, ConnectionError)):
            client.recv(timeout=PATIENCE)
    assert tape.said == [b"fine"]
    assert journal.one(host="block.example")["code"] == "redaction_blocked"


@pytest.mark.parametrize(
    ("host", "code"), [("block.example", "redaction_blocked"), ("mask.example", "redaction_refused")]
)
def test_a_card_that_is_split_over_messages_does_not_arrive_whole(gate, tape, host, code):
    journal = Journal(gate)
    with websocket(gate, host) as client:
        for text in SPLIT[:3]:
            client.send(text)
            assert client.recv(timeout=PATIENCE) == text
        client.send(SPLIT[3])
        with pytest.raises((ConnectionClosed, ConnectionError)):
            client.recv(timeout=PATIENCE)
    assert tape.said == [text.encode() for text in SPLIT[:3]]
    assert journal.one(host=host)["code"] == code


# gRPC.


def message(text: str) -> bytes:
    said = b"\x0a" + bytes([len(text)]) + text.encode()
    return b"\0" + len(said).to_bytes(4, "big") + said


def call(gate: LoopbackGate, host: str, body: bytes, kind: str = "application/grpc", **said: str) -> Any:
    with socket.create_connection(gate.address, PATIENCE) as made:
        made.sendall(f"CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n".encode())
        assert made.recv(4096).startswith(b"HTTP/1.1 200")
        fields = [(":method", "POST"), (":scheme", "http"), (":authority", host), (":path", "/lab.Echo/Both")]
        fields += [("content-type", kind), ("te", "trailers"), *said.items()]
        return Client(made).ask(fields, body)


def test_each_message_of_a_call_passes_without_it(gate, tape):
    tape.reply = lambda said: message("first") + message(f"mine is {CARD}")
    stream = call(gate, "grpc.example", message("a") + message(f"mine is {CARD}") + message("b"))
    (got,) = tape.got
    assert got.body == message("a") + message(f"mine is {MASKED}") + message("b")
    assert (stream.status, stream.body) == (200, message("first") + message(f"mine is {MASKED}"))
    assert dict(stream.trailers)["grpc-status"] == "0"


def test_a_whole_body_in_http_2_has_the_length_that_it_announces(gate, tape):
    tape.reply = lambda said: JSON
    stream = call(gate, "grpc.example", JSON, "application/json", **{"content-length": str(len(JSON))})
    (got,) = tape.got
    masked = JSON.replace(CARD.encode(), MASKED.encode())
    assert (got.body, got.fields["content-length"]) == (masked, str(len(masked)).encode())
    assert (stream.status, stream.body) == (200, masked)


def test_a_call_with_a_blocked_message_ends_with_its_status(gate, tape):
    stream = call(gate, "calls.example", message(f"mine is {CARD}"))
    assert dict(stream.headers)["grpc-status"] == "7"
    assert CARD.encode() not in tape.raw
    assert all(got.body == b"" for got in tape.got)


# What nobody can look into, and what is told.


def test_raw_tcp_to_where_messages_are_looked_at_is_denied(gate, tape):
    connections, journal = tape.connections, Journal(gate)
    with socket.create_connection(gate.address, PATIENCE) as made:
        made.sendall(b"CONNECT tcp.example:80 HTTP/1.1\r\nHost: tcp.example:80\r\n\r\n")
        with suppress(ConnectionError):
            made.recv(4096)
            made.sendall(b"\0" + CARD.encode())
            made.recv(4096)
    assert journal.one(kind="tcp")["code"] == "redaction_refused"
    assert tape.connections == connections
    assert CARD.encode() not in tape.raw


def test_it_is_counted_by_rule_and_action(gate, tape):
    ask(gate, "mask.example", body=JSON)
    ask(gate, "block.example", body=JSON)
    ask(gate, "mask.example", body=JSON, Authorization=SIGV4)
    page = gate.asked("/metrics")
    for rule, action in (
        ("EgressRedaction/default/mask/cards", "mask"),
        ("EgressRedaction/default/block/cards", "block"),
        ("signed", "refuse"),
    ):
        assert f'outgate_inline_total{{rule="{rule}",action="{action}"}}' in page
