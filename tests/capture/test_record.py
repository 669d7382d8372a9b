"""A record says everything that an exchange does, in a line that reads well."""

import json

import pytest
from hypothesis import given

from capture.exchanges import exchange, exchanges, kept, sealed
from outgate.capture import record
from outgate.capture.recorded import read
from outgate.redact.exchange import Body
from outgate.redact.redacted import seal


@given(kept)
def test_any_exchange_is_read_back_as_it_was(found):
    line = record.write(found)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read(line) == found


def test_it_reads_well():
    found = sealed(
        "https://api.example/items?page=2",
        "POST",
        b'{"name": "M\xc3\xbcller"}',
        201,
        b"\xff\x00",
        fields=[(b"content-type", b"application/json"), (b"x-name", b"M\xfcller")],
        reason="Created",
        marks=[("request.header.authorization", "token")],
    )
    told = json.loads(record.write(found))
    assert told["schema"] == "outgate.dev/capture/v1"
    assert told["request"]["target"] == "/items?page=2"
    assert told["request"]["fields"][-1] == ["x-name", "Müller"]
    assert told["request"]["body"] == {"text": '{"name": "Müller"}', "decoded": True, "size": 19}
    assert told["response"]["body"]["base64"] == "/wA="
    assert told["redaction"] == {"policy": "a" * 12, "marks": [["request.header.authorization", "rule", "token"]]}
    assert "messages" not in told


def test_a_body_that_was_not_kept_is_no_empty_one():
    (absent, empty) = (sealed(answer=Body(content, size=9, missing="streamed")) for content in (None, b""))
    assert json.loads(record.write(absent))["response"]["body"] == {"kept": False, "size": 9, "missing": "streamed"}
    assert read(record.write(absent)) == absent
    assert read(record.write(empty)) == empty


@given(exchanges)
def test_what_is_not_redacted_cannot_be_written(found):
    with pytest.raises(TypeError, match="Exchange cannot be kept"):
        record.write(found)


def test_nobody_but_the_pipeline_makes_what_can_be_written():
    with pytest.raises(TypeError, match="only the pipeline"):
        type(seal(exchange(), None))()
