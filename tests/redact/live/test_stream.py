"""Bodies that are looked at while they pass: cut anywhere, they come to what they come to as a whole."""

import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.redaction_model import Action
from outgate.redact.live.stream import passing, scanning
from outgate.redact.live.verdict import Refused, Why
from redact.live.documents import CARD, MASKED, document, look, request, rule

SIGNED = (b"signature-input", b's=("content-digest")')
EVENTS = f'data: {{"a": "{CARD}"}}\n\n: x\n\ndata: {CARD[:8]}\ndata: y\n\n'.encode()


def fed(stream, body, size=7):
    made = [stream.feed(body[at : at + size], False) for at in range(0, len(body), size)]
    return b"".join([*made, stream.feed(b"", True)])


def test_events_go_on_as_soon_as_they_are_whole():
    stream = passing(look(), request(kind=b"text/event-stream"))
    begin = EVENTS.index(b"\n\n") + 2
    assert stream.feed(EVENTS[: begin - 1], False) == b""
    assert stream.feed(EVENTS[begin - 1 : begin + 1], False) == EVENTS[:begin].replace(CARD.encode(), MASKED.encode())
    assert stream.masked() == {"EgressRedaction/a/doc/cards": 1}
    assert stream.masked() == {}
    assert stream.feed(EVENTS[begin + 1 :], True) == EVENTS[begin:]


def test_a_coding_is_undone_and_done_again():
    stream = passing(look(), request(b"", (b"content-encoding", b"gzip"), kind=b"text/event-stream"))
    made = fed(stream, gzip.compress(EVENTS), 3)
    assert zlib.decompressobj(31).decompress(made) == EVENTS.replace(CARD.encode(), MASKED.encode())


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd", b""])
def test_nothing_stays_nothing(coding):
    stream = passing(look(), request(b"", (b"content-encoding", coding), kind=b"text/event-stream"))
    assert stream.feed(b"", True) == b""


@pytest.mark.parametrize(
    ("coding", "body"),
    [(b"gzip", b"no gzip"), (b"gzip", gzip.compress(EVENTS)[:-3]), (b"br, zstd", b"x" * 9)],
    ids=["not in it", "not all of it", "none of two"],
)
def test_what_cannot_be_decoded(coding, body):
    stream = passing(look(), request(b"", (b"content-encoding", coding), kind=b"text/event-stream"))
    with pytest.raises(Refused) as refused:
        fed(stream, body)
    assert refused.value.why is Why.UNDECODABLE


def test_an_unknown_coding_is_refused_before_its_body():
    with pytest.raises(Refused):
        passing(look(), request(b"", (b"content-encoding", b"x-own"), kind=b"text/event-stream"))


def test_a_length_holds_where_nothing_may_change():
    blocking, masking = look(document(action=Action.BLOCK)), look()
    kind = b"application/grpc"
    assert passing(blocking, request(kind=kind)).exact
    assert passing(masking, request(b"", SIGNED, kind=kind)).exact
    assert not passing(masking, request(kind=kind)).exact
    assert not passing(blocking, request(b"", (b"content-encoding", b"gzip"), kind=kind)).exact
    assert not passing(look(document(force_signed=True)), request(b"", SIGNED, kind=kind)).exact


def test_a_signed_stream():
    stream = passing(look(), request(b"", SIGNED, kind=b"application/x-ndjson"))
    assert stream.feed(b"{}\n", False) == b"{}\n"
    with pytest.raises(Refused) as refused:
        stream.feed(json.dumps([CARD]).encode() + b"\n", False)
    assert refused.value.why is Why.SIGNED
    with pytest.raises(Refused):
        passing(look(), request(b"", SIGNED, (b"content-encoding", b"gzip"), kind=b"text/event-stream"))


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (b"text/plain", True),
        (b"text/plain; charset=utf-8", True),
        (b"application/x-ndjson", True),
        (b"text/plain; charset=utf-16", False),
        (b"application/json", False),
        (b"text/html", False),
        (b"", False),
    ],
)
def test_what_can_be_looked_at_in_pieces(kind, known):
    assert (scanning(look(), request(kind=kind)) is not None) is known


def test_a_pattern_needs_the_whole_text():
    pattern = document("x", rule(detectors=()).__class__("own", patterns=("E-[0-9]+",)))
    assert scanning(look(pattern), request(kind=b"text/plain")) is None


WORDS = st.text(st.sampled_from("ab1 \n.é"), min_size=0, max_size=400)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(WORDS, st.integers(1, 300)), min_size=3, max_size=6), st.integers(1000, 70_000))
def test_a_long_text_comes_to_the_same_however_it_is_cut(parts, size):
    text = "".join(f"{words} \n" * times + f" {CARD} " for words, times in parts)
    stream = scanning(look(), request(kind=b"text/plain"))
    assert fed(stream, text.encode(), size) == text.replace(CARD, MASKED).encode()


@pytest.mark.parametrize("body", [b"a" * 100_000 + b"\xff\xfe", b"a\0" * 60_000])
def test_a_long_text_that_is_none(body):
    with pytest.raises(Refused) as refused:
        fed(scanning(look(), request(kind=b"text/plain")), body, 5000)
    assert refused.value.why is Why.UNREADABLE
