"""Simulations are valid by their schema, and their sequences end with the last answer."""

import io
import json

import pytest
from hypothesis import given

from capture.exchanges import kept, sealed
from capture.formats.schemas import SIMULATION, faults
from capture.formats.written import PARTS, PLAIN, kinds, tunnel
from outgate.capture.formats.hoverfly import SimulationWriter

KINDS = kinds()
JSON = (b"content-type", b"application/json")


def written(*exchanges):
    writer = SimulationWriter(out := io.BytesIO())
    for each in exchanges:
        writer.count(each)
    told = [writer.write(each) for each in exchanges]
    writer.close()
    return json.loads(out.getvalue()), told


def pair(*arguments, **facts):
    document, told = written(sealed(*arguments, **facts))
    assert told == [""]
    assert faults(document, SIMULATION) == []
    [found] = document["data"]["pairs"]
    return found


def exact(value):
    return [{"matcher": "exact", "value": value}]


def test_every_kind_is_valid_or_says_why_not():
    document, told = written(*KINDS.values(), tunnel())
    assert faults(document, SIMULATION) == []
    refused = {name: why for name, why in zip([*KINDS, "tunnel"], told, strict=True) if why}
    assert refused == {
        "websocket": "a WebSocket",
        "error": "no answer came",
        "not kept": "the body of its answer was not kept",
        "tunnel": "a tunnel",
    }
    assert faults(written()[0], SIMULATION) == []


@given(kept)
def test_any_exchange_is_valid(found):
    assert faults(written(found, found)[0], SIMULATION) == []


def test_what_a_request_is_matched_by():
    assert pair("http://api.example:81/a%20b?x=1&y=2&x=3")["request"] == {
        "method": exact("GET"),
        "scheme": exact("http"),
        "destination": exact("api.example:81"),
        "path": exact("/a b"),
        "query": {"x": exact("1;3"), "y": exact("2")},
    }


def test_what_is_wild_or_changes_is_not_asked_for():
    request = pair(
        "https://api.example/users/t/cards?token=t&sig=1",
        "POST",
        b'{"password": "t", "list": [{"card": 1, "n": 2}]}',
        fields=[JSON],
        marks=[
            ("request.path[1]", "token"),
            ("request.query.token", "token"),
            ("request.body.$.password", "mask"),
            ("request.body.$.list[0].card", "token"),
        ],
    )["request"]
    assert request["path"] == [{"matcher": "glob", "value": "/users/*/cards"}]
    assert "query" not in request
    assert request["body"] == [{"matcher": "jsonPartial", "value": '{"list": [{"n": 2}]}'}]


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (PLAIN, b"application/json", [{"matcher": "json", "value": PLAIN.decode()}]),
        (b"a=1&b=2&b=3", b"application/x-www-form-urlencoded", [
            {"matcher": "form", "value": {"a": exact("1"), "b": exact("2;3")}}
        ]),
        (b"<a/>", b"text/xml", [{"matcher": "xml", "value": "<a/>"}]),
        (b"hello", b"text/plain", exact("hello")),
        (b"\xff", b"image/png", None),
        (PARTS, b"multipart/form-data; boundary=b1", None),
        (b"", b"text/plain", None),
    ],
)  # fmt: skip
def test_bodies_are_matched_by_what_they_are(content, kind, body):
    assert (
        pair("https://api.example/a", "POST", content, fields=[(b"content-type", kind)])["request"].get("body") == body
    )


def test_several_answers_are_a_sequence_whose_last_one_stays():
    document, _ = written(*(sealed("https://api.example/jobs", answer=each) for each in (b"1", b"2", b"3")), sealed())
    pairs = document["data"]["pairs"]
    states = [
        (
            list(each["request"].get("requiresState", {}).values()),
            list(each["response"].get("transitionsState", {}).values()),
        )
        for each in pairs
    ]
    assert states == [(["1"], ["2"]), (["2"], ["3"]), (["3"], []), ([], [])]
    assert all(name.startswith("sequence:") for name in pairs[0]["request"]["requiresState"])


def test_answers():
    response = pair(answered=[(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], answer=b"\xff", status=201)["response"]
    assert response == {
        "status": 201,
        "body": "/w==",
        "encodedBody": True,
        "headers": {"set-cookie": ["a=1", "b=2"]},
        "templated": False,
    }
