"""Every exchange is a valid entry, and says what browsers and test tools look for."""

import base64
import io
import json

import pytest
from hypothesis import given

from capture.exchanges import kept
from capture.formats.schemas import HAR, faults
from capture.formats.written import EVENTS, PLAIN, kinds, tunnel
from outgate.capture.formats.har import HarWriter

KINDS = kinds()


def written(*exchanges):
    writer = HarWriter(out := io.BytesIO())
    told = [writer.write(each) for each in exchanges]
    writer.close()
    return json.loads(out.getvalue()), told


def entry(name):
    found, told = written(KINDS[name])
    assert told == [""]
    return found["log"]["entries"][0]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_valid(name):
    found, _ = written(KINDS[name])
    assert faults(found, HAR) == []


def test_all_of_them_are_one_document():
    found, told = written(*KINDS.values(), tunnel())
    assert faults(found, HAR) == []
    assert len(found["log"]["entries"]) == len(KINDS)
    assert set(told[:-1]) == {""}
    assert told[-1] == "a tunnel"
    assert faults(written()[0], HAR) == []


@given(kept)
def test_any_exchange_is_valid(found):
    document, told = written(found)
    if told == [""]:
        assert [each for each in faults(document, HAR) if not each.endswith("is no address")] == []
    else:
        assert found.exchange.request is None


def test_strict_parsers_read_it():
    """Lone surrogates are none of UTF-8's."""
    writer = HarWriter(out := io.BytesIO())
    writer.write(KINDS["odd names"])
    writer.close()
    assert "\\ud" not in out.getvalue().decode()


def test_bodies_are_decoded_and_sizes_are_the_wires():
    content = entry("gzip")["response"]["content"]
    assert content == {
        "size": len(PLAIN),
        "mimeType": "application/json",
        "text": PLAIN.decode(),
        "compression": len(PLAIN) - 58,
    }
    assert entry("gzip")["response"]["bodySize"] == 58


@pytest.mark.parametrize("name", ["post", "delete", "query", "gzip asked"])
def test_the_body_of_any_method_is_there(name):
    assert entry(name)["request"]["postData"] == {"mimeType": "application/json", "text": PLAIN.decode()}
    assert "postData" not in entry("get")["request"]


@pytest.mark.parametrize(
    ("name", "side"), [("binary", "response"), ("meta charset", "response"), ("binary", "request")]
)
def test_what_is_no_text_is_base64(name, side):
    message = entry(name)[side]
    found = message["content"] if side == "response" else message["postData"]
    kept = getattr(KINDS[name].exchange, side).body.content
    assert base64.b64decode(found["text"]) == kept
    assert found["encoding" if side == "response" else "_encoding"] == "base64"


def test_text_is_read_by_its_charset():
    assert entry("latin-1")["response"]["content"]["text"] == "<p>Müller"
    assert entry("utf-16")["response"]["content"]["text"] == "häß"
    assert entry("bom")["response"]["content"]["text"] == "\ufeff{}"


def test_an_exchange_without_an_answer_has_status_0_and_says_why():
    response = entry("error")["response"]
    assert (response["status"], response["_error"]) == (0, "connection_refused")


def test_a_body_that_was_not_kept_says_so():
    content = entry("not kept")["response"]["content"]
    assert content["size"] == 9_000_000
    assert content["comment"] == "the body was not kept: too_large"
    assert entry("not kept asked")["request"]["postData"]["comment"] == "the body was not kept: streamed"


def test_messages_of_a_websocket_are_as_browsers_have_them():
    found = entry("websocket")
    assert found["_resourceType"] == "websocket"
    assert found["_webSocketMessages"] == [
        {"type": "send", "time": 1e9 + 0.25, "opcode": 1, "data": "hä?"},
        {"type": "receive", "time": 1e9 + 0.5, "opcode": 2, "data": "/wA="},
    ]


def test_times_and_what_har_has_no_words_for():
    found = entry("events")
    assert found["startedDateTime"] == "2001-09-09T01:46:40.000000Z"
    assert (found["time"], found["timings"]) == (600.0, {"send": 10.0, "wait": 90.0, "receive": 500.0})
    assert found["_outgate"]["response"]["body"]["chunks"] == [[0.1, 11], [0.6, 11]]
    assert entry("trailers")["_outgate"]["response"]["trailers"] == [["grpc-status", "0"]]
    assert entry("marked")["_outgate"]["redaction"]["marks"][0] == ["request.query.token", "rule", "token"]
    assert EVENTS.decode() not in json.dumps(found["_outgate"])


def test_cookies_and_addresses():
    first, second = entry("cookies")["response"]["cookies"]
    assert first == {
        "name": "a",
        "value": "1",
        "path": "/",
        "httpOnly": True,
        "secure": True,
        "expires": "2099-10-21T07:28:00.000000Z",
    }
    assert second == {"name": "b", "value": ""}
    assert entry("get")["request"]["cookies"] == [{"name": "s", "value": "1"}, {"name": "t", "value": "a=b"}]
    assert entry("get")["request"]["url"] == "https://api.example/items?a=1&b=%C3%A9&a=2"
    assert [each["value"] for each in entry("get")["request"]["queryString"]] == ["1", "é", "2"]
    assert entry("port")["request"]["url"] == "http://api.example:18081/items"
    assert entry("moved")["response"]["redirectURL"] == "https://api.example/there"
