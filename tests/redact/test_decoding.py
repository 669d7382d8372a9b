"""Content codings: whatever is stacked on whatever is undone, within bounds, or it is said why not."""

import gzip
import itertools
import random
import resource
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.decoding import Bounds, Decoder, codings, decode
from outgate.redact.encoding import Encoder, encode
from outgate.redact.unpacking import ZSTD_WINDOW, Reason, Undecodable

BOUNDS = Bounds(1024 * 1024)
BODY = bytes(range(256)) * 8 + b"hello " * 2000
NAMES = ("gzip", "deflate", "br", "zstd")
STACKS = [stack for size in range(4) for stack in itertools.product(NAMES, repeat=size)]


def reason(body, names, bounds=BOUNDS):
    with pytest.raises(Undecodable) as caught:
        decode(body, names, bounds)
    return caught.value.reason


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], ()),
        ([b"gzip"], ("gzip",)),
        ([b"GZip , br"], ("gzip", "br")),
        ([b"x-gzip", b"zstd,, identity"], ("gzip", "zstd")),
        ([b"identity"], ()),
        ([b""], ()),
        ([b"aws-chunked"], ("aws-chunked",)),
    ],
)
def test_all_lines_say_what_was_done_and_in_which_order(lines, names):
    assert codings(lines) == names


@pytest.mark.parametrize("names", STACKS, ids="-".join)
def test_every_stack_is_done_and_undone(names):
    assert decode(encode(BODY, names), names, BOUNDS) == BODY


@pytest.mark.parametrize("names", STACKS[1:21], ids="-".join)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_is_undone_piece_by_piece(names, size):
    packed, decoder = encode(BODY, names), Decoder(names, BOUNDS)
    assert b"".join(decoder.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == BODY
    decoder.finish()


@pytest.mark.parametrize("names", STACKS[:21], ids="-".join)
def test_what_was_fed_can_be_read_at_once(names):
    encoder, decoder = Encoder(names), Decoder(names, BOUNDS)
    for at in range(0, len(BODY), 999):
        assert decoder.feed(encoder.feed(BODY[at : at + 999])) == BODY[at : at + 999]
        assert encoder.feed(b"") == b""
    assert decoder.feed(encoder.finish()) == b""
    decoder.finish()


def test_all_members_and_frames_are_read():
    assert decode(gzip.compress(b"a") + gzip.compress(b"") + gzip.compress(b"b"), ["gzip"], BOUNDS) == b"ab"
    assert decode(zstandard.compress(b"a") + zstandard.compress(b"b"), ["zstd"], BOUNDS) == b"ab"
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    assert decode(skipped + zstandard.compress(b"a"), ["zstd"], BOUNDS) == b"a"


def test_deflate_is_read_with_its_head_and_without():
    raw = zlib.compressobj(wbits=-15)
    assert decode(raw.compress(BODY) + raw.flush(), ["deflate"], BOUNDS) == BODY
    assert decode(zlib.compress(BODY), ["deflate"], BOUNDS) == BODY


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_nothing(name):
    assert decode(b"", [name], BOUNDS) == b""


@pytest.mark.parametrize("name", NAMES)
def test_what_is_cut_short_or_spoilt_or_goes_on_is_refused(name):
    packed = encode(BODY, [name])
    for cut in (1, len(packed) // 2, len(packed) - 1):
        assert reason(packed[:cut], [name]) is Reason.TRUNCATED
    assert reason(packed + b"garbage", [name]) in (Reason.TRAILING, Reason.CORRUPT)
    assert reason(b"\xff" * 100, [name]) is Reason.CORRUPT
    assert reason(packed + b"\0", [name]) in (Reason.TRAILING, Reason.CORRUPT, Reason.TRUNCATED)


def test_it_is_said_why():
    assert reason(gzip.compress(b"a") + b"garbage", ["gzip"]) is Reason.TRAILING
    assert reason(zlib.compress(b"a") + b"garbage", ["deflate"]) is Reason.TRAILING
    assert reason(b"a", ["compress"]) is Reason.UNKNOWN_CODING
    assert reason(b"a", ["gzip"] * 5) is Reason.TOO_MANY_CODINGS
    assert str(Undecodable(Reason.TOO_LARGE)) == "the body cannot be decoded: too large"


def bomb(megabytes):
    pack = zlib.compressobj(9, wbits=31)
    return b"".join(pack.compress(bytes(1024 * 1024)) for _ in range(megabytes)) + pack.flush()


def test_a_bomb_goes_off_in_no_memory():
    packed = bomb(512)
    assert len(packed) < 530_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason(packed, ["gzip"]) is Reason.TOO_LARGE
    decoder, given = Decoder(["gzip"], Bounds(2**30, ratio=2000)), 0
    for at in range(0, len(packed), 1024):
        given += len(decoder.feed(packed[at : at + 1024]))
    decoder.finish()
    assert given == 512 * 1024 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("name", NAMES)
def test_bombs_of_every_kind_stop_at_the_bounds(name):
    packed = encode(bytes(16 * 1024 * 1024), [name])
    assert reason(packed, [name]) is Reason.TOO_LARGE
    assert reason(packed, [name], Bounds(2**30, ratio=10)) is Reason.TOO_DENSE
    assert reason(encode(packed, ["gzip"]), [name, "gzip"]) is Reason.TOO_LARGE


def test_a_bomb_between_two_codings_stops_there():
    inner = gzip.compress(b"") * 200_000  # four megabytes of members that say nothing
    packed = encode(inner, ["gzip"])
    assert reason(packed, ["gzip", "gzip"]) is Reason.TOO_LARGE


def test_bodies_without_codings_have_bounds_too():
    assert decode(b"a" * 10, [], Bounds(10)) == b"a" * 10
    assert reason(b"a" * 11, [], Bounds(10)) is Reason.TOO_LARGE


def test_a_window_that_takes_more_memory_than_codings_may_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=ZSTD_WINDOW.bit_length())
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert reason(packer.compress(bytes(100)) + packer.flush(), ["zstd"]) is Reason.CORRUPT


@given(st.binary(max_size=60), st.lists(st.sampled_from([*NAMES, "x"]), max_size=3))
def test_any_bytes_are_decoded_or_refused(body, names):
    try:
        decoded = decode(body, names, BOUNDS)
    except Undecodable:
        return
    assert decode(encode(decoded, names), names, BOUNDS) == decoded


@given(st.binary(max_size=200), st.integers(0, 400), st.binary(min_size=1, max_size=4), st.sampled_from(NAMES))
def test_what_is_spoilt_is_never_decoded_to_something_else_in_pieces(body, at, odd, name):
    packed = bytearray(encode(body, [name]))
    at %= len(packed) + 1
    packed[at : at + 1] = odd
    # Whether it is refused may depend on how it came: the length that a frame announces is not always looked at.
    found = {in_pieces(bytes(packed), [name], size) for size in (len(packed), 1)}
    assert len(found - {None}) <= 1


def in_pieces(packed, names, size):
    """What is decoded; None where it is refused."""
    decoder = Decoder(names, BOUNDS)
    try:
        made = b"".join(decoder.feed(packed[at : at + size]) for at in range(0, len(packed), size))
        decoder.finish()
    except Undecodable:
        return None
    return made


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", [bytes(900_000), random.Random(1).randbytes(900_000)], ids=["dense", "random"])
def test_what_is_longer_than_a_piece_comes_out_whole(name, body):
    packed = encode(body, [name])
    for size in (len(packed), 5000, 100_000):
        assert in_pieces(packed, [name], size) == body
