"""Answers of language models, as their interfaces send them, and what of these goes on where."""

import json

import pytest

from outgate.redact.deltas import of_events, of_lines, reader, texts

TOOL = {"index": 1, "function": {"arguments": '{"a'}}
SAID = {
    "chat": ({"id": "c", "choices": [{"index": 0, "delta": {"content": "a"}}]}, ("", "choices", 0, "delta", "content")),
    "tool": (
        {"choices": [{"index": 0, "delta": {"tool_calls": [TOOL]}}]},
        ("", "choices", 0, "delta", "tool_calls", 1, "function", "arguments"),
    ),
    "responses": ({"type": "x.delta", "output_index": 2, "content_index": 0, "delta": "a"}, ("", 2, 0, "delta")),
    "blocks": (
        {"type": "d", "index": 3, "delta": {"type": "t", "partial_json": "a"}},
        ("", 3, "delta", "partial_json"),
    ),
    "parts": (
        {"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}}]},
        ("", "candidates", 0, "content", "parts", 0, "text"),
    ),
    "generated": ({"token": {"id": 7, "text": "a", "special": False}}, ("", "token", "text")),
}


def read(pieces):
    return [delta for part, root in pieces for delta in texts(part.body, root)]


@pytest.mark.parametrize("name", SAID)
def test_a_piece_of_an_answer(name):
    said, place = SAID[name]
    [delta] = read(of_events(b"data: %b\n\n" % json.dumps(said).encode()))
    assert (delta.place, delta.name) == (place, place[-1])
    [line] = read(of_lines(b"\n\n%b\n" % json.dumps(said).encode()))
    assert line.place == place[1:]


def test_events_of_one_type_belong_together_wherever_it_stands():
    events = b"event: t\ndata: a\n\ndata: b\nevent: t\n\n: ping\n\ndata: [DONE]\n\ndata: c\ndata: d\n\n"
    assert [(delta.place, delta.text) for delta in read(of_events(events))] == [
        (("t",), "a"),
        (("t",), "b"),
        (("",), "[DONE]"),
        (("",), "c\nd"),
    ]


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("text/event-stream; charset=utf-8", True),
        ("application/x-ndjson", True),
        ("application/grpc", False),
        ("text/plain", False),
    ],
)
def test_of_which_bodies(kind, known):
    assert (reader(kind) is not None) is known
