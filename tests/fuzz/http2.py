"""HTTP/2 from a workload: what is made of it for an origin of HTTP/1 is what h11 reads, message by message."""

from __future__ import annotations

from hpack import Encoder
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame

from fuzz.conversation import Conversation
from fuzz.http import ASCII, ASKED, MOST, OK, WORDS, answered, readable, whole
from fuzz.target import given, target
from proxy.openings import PREFACE

PSEUDO = (b":method", b":path", b":authority")
SEPARATOR, ASSIGNED = b"\xfe", b"\xfd"
"""No byte of UTF-8, so that a fuzzer can tell them from what they separate."""


def parts(*values: bytes, body: bytes = b"", **fields: bytes) -> bytes:
    """Method, path, authority, then fields, then the body."""
    named = [name.replace("_", "-").encode() + ASSIGNED + value for name, value in fields.items()]
    return SEPARATOR.join((*values, *named, body))


def stream(number: int, fields: list[tuple[bytes, bytes]], body: bytes, trailers: list[tuple[bytes, bytes]]) -> bytes:
    """The frames of one request, whatever they hold."""
    encoder = Encoder()
    encoder.header_table_size = 0  # each head is to stand for itself
    head = HeadersFrame(number, data=encoder.encode(fields), flags=["END_HEADERS"])
    frames: list[HeadersFrame | DataFrame] = [head]
    if body:
        frames.append(DataFrame(number, data=body[:MOST]))
    if trailers:
        frames.append(HeadersFrame(number, data=encoder.encode(trailers), flags=["END_HEADERS"]))
    frames[-1].flags.add("END_STREAM")
    return b"".join(frame.serialize() for frame in frames)


def _fields(given: list[bytes]) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Fields and trailers; the latter begin with a plus sign here."""
    split = [entry.partition(ASSIGNED) for entry in given]
    made = [(name, value) for name, _, value in split if name]
    return [each for each in made if each[0][:1] != b"+"], [
        (name[1:], value) for name, value in made if name[:1] == b"+"
    ]


SEEDS = given(
    parts(b"GET", b"/a?b", b"api.example", accept=b"*/*", cookie=b"a=b"),
    parts(b"POST", b"/p", b"api.example:80", body=b"hello", content_length=b"5", te=b"trailers"),
    parts(b"POST", b"/p", b"api.example", body=b"hello", content_type=b"application/grpc"),
    SEPARATOR.join((b"PUT", b"/t", b"API.example", b"+x-t" + ASSIGNED + b"1", b"body")),
    parts(b"GET", b"/", b"", host=b"api.example"),
)


@target(
    "http2-request", SEEDS, SEPARATOR, ASSIGNED, b"content-length\xfd", b"transfer-encoding\xfdchunked", b"+", *WORDS
)
def request(data: bytes) -> None:
    """Whatever stands in a request of HTTP/2: no layer raises, and h11 reads one request, or none, with its body."""
    method, path, authority, *named, body = (data.split(SEPARATOR) + [b""] * 4)[: max(4, data.count(SEPARATOR) + 1)]
    fields, trailers = _fields(named)
    head = [*zip(PSEUDO, (method, path, authority), strict=True), (b":scheme", b"http"), *fields]
    made = Conversation(answered(OK), alpn=b"h2")
    made.say(PREFACE + SettingsFrame(0).serialize() + stream(1, head, body[:16384], trailers))
    made.end()
    found = [message for received in made.to_origins.values() for message in whole(received)]
    assert len(found) <= 1, f"one request became {found}"
    for message in found:
        assert message.method == method.upper()
        assert message.target == path.translate(ASCII)
        assert message.body == body[:16384]


ANSWERS = given(
    parts(b"200", body=b"ok", content_type=b"text/plain", content_length=b"2"),
    parts(b"204", x_a=b"1"),
    parts(b"304", content_length=b"5", etag=b"x"),
    SEPARATOR.join((b"200", b"+x-t" + ASSIGNED + b"1", b"body")),
    parts(b"200", body=b"", connection=b"close", alt_svc=b"h3"),
)


@target(
    "http2-response", ANSWERS, SEPARATOR, ASSIGNED, b"content-length\xfd", b"transfer-encoding\xfdchunked", b"+", *WORDS
)
def response(data: bytes) -> None:
    """Whatever an origin of HTTP/2 answers: no layer raises, and h11 reads what a workload of HTTP/1 gets."""
    status, *named, body = (data.split(SEPARATOR) + [b""] * 2)[: max(2, data.count(SEPARATOR) + 1)]
    fields, trailers = _fields(named)
    answer = SettingsFrame(0).serialize() + stream(1, [(b":status", status), *fields], body[:16384], trailers)
    said: list[bytes] = [answer]
    made = Conversation(lambda received: said.pop() if said and len(received) > 24 else b"", origin_alpn=b"h2")
    made.say(ASKED)
    for server in made.open_origins():
        made.close_origin(server)
    made.end()
    readable(ASKED, made.to_client)


@target("http2-frames", lambda: [stream(1, [(b":method", b"GET")], b"x", []), SettingsFrame(0, {3: 1}).serialize()])
def frames(data: bytes) -> None:
    """Whatever follows the preface, no layer raises, and nothing that h11 refuses leaves."""
    made = Conversation(answered(OK), alpn=b"h2")
    made.say(PREFACE + data[: len(data) // 2])
    made.say(data[len(data) // 2 :])
    made.end()
