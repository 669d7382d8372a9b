"""What is split over the pieces of a stream that is kept: gone from all of them, and everything else as it was."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.redaction_model import KeepingPolicy, Mode, RedactionPolicy
from outgate.redact.deltas import reader, texts
from outgate.redact.exchange import Body, Exchange, Request, Response, WebSocketMessage
from outgate.redact.pipeline import Redactor
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

SECRET = "ghp_" + "Zq7Xw2Mn4Bv6Pr8Rt1Tv3Ky5Lm9Nc0Hd2Js4"
REDACTOR = Redactor(KeepingPolicy(), Replacer(Keys(b"k" * 32, "across", "")))
EXCHANGE = Exchange("1", 1.0, Request("GET", "https", "a.example", 443, "/"))
SSE, LINES = b"text/event-stream", b"application/x-ndjson"


def chat(text):
    return json.dumps({"id": "c", "choices": [{"index": 0, "delta": {"content": text}}], "n": 1.10}).encode()


def event(text):
    return b"id: 7\ndata: %b\n\n" % chat(text)


def line(text):
    return chat(text) + b"\n"


def redacted(kind, body, redactor=REDACTOR):
    answer = Response(200, fields=((b"content-type", kind),), body=Body(body))
    kept = redactor.redact(replace(EXCHANGE, response=answer))
    return kept.exchange.response.body, kept.manifest


def said(kind, body):
    return "".join(delta.text for part, root in reader(kind.decode())(body) for delta in texts(part.body, root))


CUTS = st.lists(st.integers(1, len(SECRET) - 1), min_size=1, max_size=8, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(CUTS, st.sampled_from([(SSE, event), (LINES, line)]), st.text(st.sampled_from('ab ü\n."'), max_size=30))
def test_no_split_of_a_secret_is_kept(cuts, form, before):
    kind, write = form
    pieces = [SECRET[start:end] for start, end in pairwise([0, *cuts, len(SECRET)])]
    body, manifest = redacted(kind, b"".join(map(write, [f"{before} {pieces[0]}", *pieces[1:], " behind"])))
    text = said(kind, body.content)
    assert text.startswith(f"{before} tok_secret_")
    assert text.endswith(" behind")
    assert len(text) < len(before) + 40
    assert len(manifest.marks) == len(pieces)
    assert {mark.rule for mark in manifest.marks} == {"default-secrets"}


@settings(max_examples=30, deadline=None)
@given(CUTS, st.booleans())
def test_no_split_of_a_secret_over_messages_is_kept(cuts, plain):
    pieces = [SECRET[start:end] for start, end in pairwise([0, *cuts, len(SECRET)])]
    sent = [piece if plain else json.dumps({"text": piece}) for piece in (*pieces, ".")]
    messages = [WebSocketMessage(0.1 * n, bool(n % 2), True, each.encode()) for n, each in enumerate(sent * 2)]
    ours = [replace(each, from_client=True) for each in messages]
    kept = REDACTOR.redact(replace(EXCHANGE, response=Response(101), messages=tuple(ours)))
    assert len(kept.exchange.messages) == len(ours)
    text = "".join(delta.text for each in kept.exchange.messages for delta in texts(each.content))
    assert text.startswith("tok_secret_")
    assert text.count("tok_secret_") == text.count(".") == 2


def test_only_bytes_of_what_is_split_change():
    ours = (event("mine is 4111 11"), event("11 1111"), event(" 1111, thanks"))
    other = b": ping\n\ndata: [DONE]\n\nevent: x\ndata: 11\n\n"
    body, manifest = redacted(SSE, ours[0] + other + ours[1] + ours[2])
    first, _, rest = body.content.partition(other)
    assert first.startswith(event("mine is 4111 11")[:-20])
    assert rest == event("") + event(", thanks")
    assert manifest.marks[-1].where == "response.body.$[0].data.choices[0].delta.content"


def test_texts_without_a_format_and_texts_of_json():
    for write in (str.encode, lambda text: json.dumps(text).encode()):
        body, _ = redacted(SSE, b"".join(b"data: %b\n\n" % write(text) for text in ("a 4111", "11111111", "1111")))
        assert "4111111111111111" not in said(SSE, body.content)
        assert said(SSE, body.content).startswith("a 4111")


def test_values_that_only_follow_each_other_stay():
    body = b"".join(
        b"data: %b\n\n" % json.dumps(each).encode()
        for each in ({"price": "41111111"}, {"price": "11111111"}, {"text": "41111111."}, {"text": "11111111."})
    )
    assert redacted(SSE, body)[0].content == body


def test_a_name_that_comes_twice_keeps_nothing():
    twice = b'{"text": "4111", "text": "41111111"}\n{"text": "11111111"}\n'
    body, manifest = redacted(LINES, twice)
    assert (body.content, body.missing) == (None, "failed")
    assert manifest.dropped == (("response.body", "failed"),)


@pytest.mark.parametrize("kind", [b"", b"text/plain", b"application/json"])
@pytest.mark.parametrize(("told", "write"), [(SSE, event), (LINES, line)])
def test_a_stream_is_known_by_its_looks(kind, told, write):
    body, _ = redacted(kind, b"".join(map(write, ("a 4111", "11111111", "1111"))))
    assert "4111111111111111" not in said(told, body.content)
    assert said(told, body.content).startswith("a 4111")


@pytest.mark.parametrize("kind", [SSE, LINES])
def test_where_unknown_texts_become_tokens_nothing_is_joined(kind):
    allowing = Redactor(KeepingPolicy((RedactionPolicy("x", mode=Mode.ALLOW),)), Replacer(Keys(b"k" * 32, "a", "")))
    write = event if kind is SSE else line
    body, _ = redacted(kind, write("41111111") + write("11111111"), allowing)
    assert b"1111" not in body.content
