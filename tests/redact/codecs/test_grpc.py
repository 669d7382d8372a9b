"""gRPC, gRPC-Web and Connect: each message a part, whatever compresses it."""

import base64
import gzip

import pytest

from outgate.redact.codecs import grpc
from outgate.redact.codecs.grpc import codec
from outgate.redact.leaf import Unreadable
from rewriting import found_in, is_linear, parts, replaced, same_again


def frame(message, flags=0):
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


read = codec("application/grpc", "gzip")
BODY = frame(b"\x0a\x01a") + frame(gzip.compress(b"\x0a\x01b", mtime=0), 1) + frame(b"")


def test_each_message_is_a_part_without_its_compression():
    assert [(part.body, part.path) for part in parts(read, BODY)] == [
        (b"\x0a\x01a", (0,)),
        (b"\x0a\x01b", (1,)),
        (b"", (2,)),
    ]
    assert {part.media_type for part in parts(read, BODY)} == {"application/protobuf"}
    same_again(read, BODY)


def test_what_is_written_has_its_length_and_its_compression():
    made = replaced(BODY, parts(read, BODY)[1], b"\x0a\x03new")
    assert [part.body for part in parts(read, made)] == [b"\x0a\x01a", b"\x0a\x03new", b""]
    assert made[8] == 1
    assert gzip.decompress(made[13:-5]) == b"\x0a\x03new"


def test_trailers_and_ends_of_streams_have_formats_of_their_own():
    body = frame(b"{}") + frame(b"grpc-status: 0\r\n", 0x80)
    assert [part.media_type for part in parts(codec("application/grpc-web+json", ""), body)] == [
        "application/json",
        "text/plain",
    ]
    connect = codec("application/connect+proto", "")
    assert [part.media_type for part in parts(connect, frame(b'{"error": {}}', 2))] == ["application/json"]


def test_grpc_web_in_base64_is_undone():
    body = base64.b64encode(frame(b"a")) + base64.b64encode(frame(b"bc"))
    (part,) = parts(codec("application/grpc-web-text+proto", ""), body)
    assert (part.body, part.media_type) == (frame(b"a") + frame(b"bc"), "application/grpc-web+proto")
    same_again(codec("application/grpc-web-text", ""), body)
    with pytest.raises(Unreadable):
        found_in(codec("application/grpc-web-text", ""), b"!")


@pytest.mark.parametrize(
    "body",
    [
        b"\0\0\0",
        frame(b"abc")[:-1],
        frame(b"a", 4),
        frame(b"not gzip", 1),
        frame(gzip.compress(b"a", mtime=0)[:-1], 1),
        b"\0\xff\xff\xff\xff",
    ],
)
def test_what_is_cut_short_or_not_compressed_is_unreadable(body):
    with pytest.raises(Unreadable):
        found_in(read, body)


@pytest.mark.parametrize("encoding", ["", "identity", "snappy"])
def test_a_message_in_an_unknown_compression_is_unreadable(encoding):
    with pytest.raises(Unreadable):
        found_in(codec("application/grpc", encoding), frame(b"a", 1))


def test_all_messages_of_a_body_unpack_to_a_bounded_size():
    bomb = frame(gzip.compress(bytes(grpc.MOST // 4), 1), 1)
    assert len(found_in(read, bomb * 4)) == 4
    with pytest.raises(Unreadable, match="too_large"):
        found_in(read, bomb * 5)


@pytest.mark.parametrize("piece", [b"\0", frame(b""), frame(b"\0" * 20), frame(gzip.compress(b"", mtime=0), 1)])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
