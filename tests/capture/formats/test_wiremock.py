"""Mappings are valid by their schema, and ask for what the recorded request said and no more."""

import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given

from capture.exchanges import kept, sealed
from capture.formats.schemas import MAPPING, faults
from capture.formats.written import EVENTS, PARTS, PLAIN, kinds, tunnel
from outgate.capture.formats.wiremock import MappingWriter
from outgate.redact.redacted import seal

KINDS = kinds()
JSON = (b"content-type", b"application/json")


@pytest.fixture
def written(tmp_path):
    """The mappings in their order, by the folder of their host."""

    def run(*exchanges):
        writer = MappingWriter(tmp_path)
        for each in exchanges:
            writer.count(each)
        told = [writer.write(each) for each in exchanges]
        writer.close()
        files = sorted(tmp_path.glob("*/mappings/*.json"), key=lambda file: file.name)
        return [(file.parts[-3], json.loads(file.read_bytes())) for file in files], told

    return run


@pytest.fixture
def one(written):
    def run(*arguments, **facts):
        [(_, mapping)], told = written(sealed(*arguments, **facts))
        assert told == [""]
        assert faults(mapping, MAPPING) == []
        return mapping

    return run


def test_every_kind_is_valid_or_says_why_not(written, tmp_path):
    found, told = written(*KINDS.values(), tunnel())
    assert [each for _, mapping in found for each in faults(mapping, MAPPING)] == []
    refused = {name: why for name, why in zip([*KINDS, "tunnel"], told, strict=True) if why}
    assert refused == {
        "websocket": "a WebSocket",
        "not kept": "the body of its answer was not kept",
        "tunnel": "a tunnel",
    }
    for host, mapping in found:
        if name := mapping["response"].get("bodyFileName"):
            assert (tmp_path / host / "__files" / name).read_bytes()


@given(kept)
def test_any_exchange_is_valid(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("stubs")
    writer = MappingWriter(folder)
    writer.count(found)
    writer.write(found)
    writer.close()
    for file in folder.glob("*/mappings/*.json"):
        wrong = [each for each in faults(json.loads(file.read_bytes()), MAPPING) if ".method does not fit" not in each]
        assert wrong == []
    assert all(file.resolve().is_relative_to(folder.resolve()) for file in folder.rglob("*"))


def test_hosts_have_folders_of_their_own(written):
    found, _ = written(sealed("http://a.example:81/"), sealed("https://b.example/"), sealed("https://b.example/"))
    assert [host for host, _ in found] == ["a.example_81", "b.example", "b.example"]


@pytest.mark.parametrize("host", ["..", ".", "...", "a" * 300, "../../x"])
def test_no_host_leads_out_of_the_folder(tmp_path, host):
    (folder := tmp_path / "stubs").mkdir()
    made = sealed()
    made = seal(replace(made.exchange, request=replace(made.exchange.request, host=host)), made.manifest)
    writer = MappingWriter(folder)
    writer.count(made)
    assert writer.write(made) == ""
    writer.close()
    assert list(tmp_path.iterdir()) == [folder]
    assert [file.relative_to(folder).parts[1:] for file in folder.rglob("*.json")] == [("mappings", "000001.json")]


def test_addresses_and_queries(one):
    assert one("https://api.example/a%20b")["request"] == {"method": "GET", "url": "/a%20b"}


def test_several_values_of_one_name(one):
    assert one("https://api.example/a?x=1&y=%C3%A9&x=2")["request"] == {
        "method": "GET",
        "urlPath": "/a",
        "queryParameters": {"x": {"hasExactly": [{"equalTo": "1"}, {"equalTo": "2"}]}, "y": {"equalTo": "é"}},
    }


def test_what_is_wild_or_changes_is_not_asked_for(one):
    found = one(
        "https://api.example/users/tok.1/cards?token=t&nonce=1&page=2",
        "POST",
        b'{"password": "t", "list": [{"card": 1}], "timestamp": 7, "n": 1}',
        fields=[JSON],
        marks=[
            ("request.path[1]", "token"),
            ("request.query.token", "token"),
            ("request.body.$.password", "mask"),
            ("request.body.$.list[0].card", "token"),
        ],
    )["request"]
    assert found["urlPathPattern"] == "/users/[^/]+/cards"
    assert found["queryParameters"] == {"page": {"equalTo": "2"}}
    any_value = "${json-unit.ignore}"
    [pattern] = found["bodyPatterns"]
    assert json.loads(pattern["equalToJson"]) == {
        "password": any_value,
        "list": [{"card": any_value}],
        "timestamp": any_value,
        "n": 1,
    }
    assert "ignoreExtraElements" not in pattern


def test_what_was_removed_may_be_sent(one):
    [pattern] = one(sent=b"{}", fields=[JSON], marks=[("request.body.$.gone", "remove")])["request"]["bodyPatterns"]
    assert pattern == {"equalToJson": "{}", "ignoreExtraElements": True}


@pytest.mark.parametrize(
    ("content", "kind", "pattern"),
    [
        (PLAIN, b"application/json", {"bodyPatterns": [{"equalToJson": PLAIN.decode()}]}),
        (b"a=1&b=2&b=3", b"application/x-www-form-urlencoded", {
            "formParameters": {"a": {"equalTo": "1"}, "b": {"hasExactly": [{"equalTo": "2"}, {"equalTo": "3"}]}}
        }),
        (b"<a/>", b"text/xml", {"bodyPatterns": [{"equalToXml": "<a/>"}]}),
        (b"hello", b"text/plain", {"bodyPatterns": [{"equalTo": "hello"}]}),
        (b"\xff", b"image/png", {"bodyPatterns": [{"binaryEqualTo": "/w=="}]}),
        (gzip.compress(b"hello", mtime=0), b"application/gzip", {"bodyPatterns": [{"equalTo": "hello"}]}),
        (b"\x1f\x8b\x08", b"application/gzip", {"bodyPatterns": [{"binaryEqualTo": "H4sI"}]}),
        (PARTS, b"multipart/form-data; boundary=b1", {"multipartPatterns": [
            {"name": "a", "bodyPatterns": [{"equalTo": "1"}]},
            {"name": "f", "bodyPatterns": [{"binaryEqualTo": "iVBOR/8="}]},
        ]}),
    ],
)  # fmt: skip
def test_bodies_are_matched_by_what_they_are(one, content, kind, pattern):
    assert one("https://api.example/a", "POST", content, fields=[(b"content-type", kind)])["request"] == {
        "method": "POST",
        "url": "/a",
        **pattern,
    }


def test_an_operation_of_graphql_is_matched_by_name_and_variables(one):
    body = json.dumps({"operationName": "A", "query": "query A { a }", "variables": {"n": 1}}).encode()
    [pattern] = one("https://api.example/graphql", "POST", body, fields=[JSON])["request"]["bodyPatterns"]
    assert json.loads(pattern["equalToJson"])["query"] == "${json-unit.ignore}"
    assert json.loads(pattern["equalToJson"])["variables"] == {"n": 1}


def test_several_answers_are_a_scenario_whose_last_one_stays(written):
    found, _ = written(*(sealed("https://api.example/jobs", answer=each) for each in (b"1", b"2", b"3")), sealed())
    states = [(mapping.get("requiredScenarioState"), mapping.get("newScenarioState")) for _, mapping in found]
    assert states == [("Started", "2"), ("2", "3"), ("3", None), (None, None)]
    assert len({mapping.get("scenarioName") for _, mapping in found}) == 2


def test_answers(one, tmp_path):
    response = one(
        answered=[
            (b"Content-Type", b"text/event-stream"), (b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2"),
            (b"content-encoding", b"gzip"), (b"content-length", b"5"), (b"transfer-encoding", b"chunked"),
        ],
        answer=KINDS["events"].exchange.response.body,
        status=206,
        reason="Partial",
    )["response"]  # fmt: skip
    assert response == {
        "status": 206,
        "statusMessage": "Partial",
        "headers": {"Content-Type": "text/event-stream", "set-cookie": ["a=1", "b=2"]},
        "bodyFileName": "000001.txt",
        "chunkedDribbleDelay": {"numberOfChunks": 2, "totalDuration": 500},
    }
    assert (tmp_path / "api.example" / "__files" / "000001.txt").read_bytes() == EVENTS


def test_no_answer_is_a_fault(one):
    assert one(status=0, error="timeout")["response"] == {"fault": "CONNECTION_RESET_BY_PEER"}


def test_who_asks_for_more_comes_first(one):
    assert one("https://api.example/a?b=1", "POST", b"{}", fields=[JSON])["priority"] < 20
