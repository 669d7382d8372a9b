"""What is split over pieces of a stream never leaves whole, and what only stands in several of them passes."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.redaction_model import Action, Opaque, Split, Strategy
from outgate.redact.live.joints import LONGEST, MOST
from outgate.redact.live.stream import passing
from outgate.redact.live.talk import Talk
from outgate.redact.live.verdict import Refused, Why
from redact.live.documents import CARD, document, look, request, rule

SECRET = "AKIA" + "Z7QX2M4N6P8R1T3V"
BLOCKING = look(document(action=Action.BLOCK), document("keys", rule("keys", detectors=("aws-access-key",))))
SSE, LINES = b"text/event-stream", b"application/x-ndjson"


def chat(text, index=0):
    return {"id": "c1", "choices": [{"index": index, "delta": {"content": text}}]}


def block(text, index=0):
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def candidate(text, _index=0):
    return {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}]}


def event(said):
    return b"data: %b\n\n" % (said if isinstance(said, bytes) else json.dumps(said).encode())


def left(looks, kind, pieces):
    """What of a stream has left, and why it ended."""
    stream, made = passing(looks, request(kind=kind)), []
    try:
        made.extend(stream.feed(piece, False) for piece in pieces)
        return [*made, stream.feed(b"", True)], None
    except Refused as refused:
        return made, refused


@pytest.mark.parametrize("said", [chat, block, candidate])
@pytest.mark.parametrize("action", Action)
def test_a_card_that_is_split_over_events_does_not_leave_whole(said, action):
    pieces = [event(said(text)) for text in ("it is 41", "11 1111 1", "111 11", "11, thanks")]
    made, refused = left(look(document(action=action)), SSE, pieces)
    assert made == pieces[:3]
    assert refused.why is (Why.BLOCKED if action is Action.BLOCK else Why.SPLIT)
    assert (refused.rule, str(refused)) == (
        "EgressRedaction/a/doc/cards",
        "cards finds something that is split over several pieces of a stream",
    )


CUTS = st.lists(st.integers(1, len(SECRET) - 1), min_size=1, max_size=8, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(
    CUTS,
    st.sampled_from([chat, block, candidate]),
    st.sampled_from([SSE, LINES]),
    st.text(st.sampled_from("ab ü\n."), max_size=30),
    st.booleans(),
    st.booleans(),
)
def test_no_split_of_a_secret_leaves_whole(cuts, said, kind, before, together, noise):
    texts = [SECRET[start:end] for start, end in pairwise([0, *cuts, len(SECRET)])]
    texts = [f"{before} {texts[0]}", *texts[1:], " and so on"]
    write = event if kind is SSE else lambda each: json.dumps(each).encode() + b"\n"
    pieces = [write(said(text)) for text in texts]
    if noise:
        pieces = [each for piece in pieces for each in (piece, write({"type": "ping"}), write(chat("x y", 7)))]
    made, refused = left(BLOCKING, kind, [b"".join(pieces)] if together else pieces)
    assert refused is not None
    assert b" and so on" not in b"".join(made)
    assert len(made) < len(texts) * (3 if noise else 1)


@settings(max_examples=40, deadline=None)
@given(CUTS, st.booleans(), st.booleans())
def test_no_split_of_a_secret_over_messages_arrives_whole(cuts, plain, quoted):
    texts = [SECRET[start:end] for start, end in pairwise([0, *cuts, len(SECRET)])]
    talk, passed = Talk(BLOCKING), []
    said = (text if plain else json.dumps(text if quoted else {"type": "d", "delta": text}) for text in texts)
    with pytest.raises(Refused):
        passed.extend(talk.message(each.encode()) for each in said)
    assert len(passed) < len(texts)


def test_texts_of_one_stream_are_kept_apart():
    texts = [(CARD[:8], 0), (CARD[8:], 1), ("and ", 0), ("so on", 1)]
    for said in (chat, block):
        pieces = [event(said(*each)) for each in texts]
        assert left(BLOCKING, SSE, pieces) == ([*pieces, b""], None)
    named = [b"event: a\n" + event(CARD[:8].encode()), b"event: b\n" + event(CARD[8:].encode())]
    assert left(BLOCKING, SSE, named) == ([*named, b""], None)


@pytest.mark.parametrize(
    "said",
    [
        lambda text: {"price": text},
        lambda text: {"price": int(text)},
        lambda text: [text],
        lambda text: {"text": f"number {text}."},
        lambda text: {"text": f"{text}\n"},
    ],
    ids=["another name", "numbers", "no name", "whole texts", "lines"],
)
def test_values_that_only_follow_each_other_pass(said):
    pieces = [event(said(text)) for text in (CARD[:8], CARD[8:], "12345678", "87654321")]
    assert left(BLOCKING, SSE, pieces) == ([*pieces, b""], None)


def test_a_text_that_was_masked_is_seen_as_it_left():
    pieces = [event(chat(text)) for text in (f"a {CARD}", "1 b 4111", f" {CARD} c", " d")]
    made, refused = left(look(), SSE, pieces)
    assert refused is None
    assert CARD.encode() not in b"".join(made)


def test_documents_may_let_it_pass():
    pieces = [event(chat(text)) for text in (CARD[:8], CARD[8:])]
    passing_on = look(document(action=Action.BLOCK, split=Split.PASS))
    assert left(passing_on, SSE, pieces) == ([*pieces, b""], None)
    both = look(document(split=Split.PASS), document("keys", rule("keys", detectors=("aws-access-key",))))
    assert left(both, SSE, pieces) == ([*pieces, b""], None)


def test_what_a_rule_keeps_is_kept_across_pieces():
    keeping = look(document("doc", rule("ours", strategy=Strategy.KEEP), rule("all", detectors=("pii",))))
    pieces = [event(chat(text)) for text in (CARD[:8], CARD[8:])]
    assert left(keeping, SSE, pieces) == ([*pieces, b""], None)


def test_no_more_is_kept_than_bounds_say():
    long = look(document("x", rule(detectors=("private-key", "aws-access-key"))))
    far = [event(chat(text)) for text in (SECRET[:10], "", SECRET[10:])]
    assert left(long, SSE, far)[1] is not None
    stream = passing(long, request(kind=SSE))
    stream.feed(event(chat("a" * 100_000)), False)
    for number in range(3 * MOST):
        stream.feed(event(chat("b" * 5000, number)), False)
    assert len(stream._joints._ends) == MOST
    assert {len(text) for text in stream._joints._ends.values()} == {LONGEST}


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"\0" * 9, b"", b"null", b"[" * 2000, b"{}", b'"', json.dumps({"text": {"text": 1}}).encode()],
)
def test_anything_else_says_nothing(body):
    talk = Talk(look(document(opaque=Opaque.SCAN)))
    for _ in range(2):
        assert talk.message(body).message == body
