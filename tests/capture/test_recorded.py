"""What is no record says why, and names the place without its value."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.exchanges import sealed
from outgate.capture import record
from outgate.capture.recorded import read
from outgate.capture.told import Malformed
from outgate.redact.redacted import Redacted

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "it is no JSON"),
        (b"[]", "it is no object"),
        (b"{}", 'its schema is ""; this version reads outgate.dev/capture/v1'),
        (b'{"schema": "outgate.dev/capture/v2"}', "this version reads outgate.dev/capture/v1"),
        (b'{"schema": 1}', "schema is no text"),
        (b"[" * 100_000, "it is no JSON"),
    ],
)
def test_what_is_no_record_says_so(line, why):
    with pytest.raises(Malformed, match=why.replace("(", r"\(")):
        read(line)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("request",), 7, "request is no object"),
        (("request", "port"), "secret", "request.port is no whole number"),
        (("request", "fields"), [["a"]], r"request.fields\[0\] is no list of 2"),
        (("request", "fields"), [["a", 1]], "fields are not pairs of Latin-1 text"),
        (("request", "fields"), [["a", "\u20ac"]], "fields are not pairs of Latin-1 text"),
        (("response", "body"), {"base64": "secret!"}, "response.body.base64 is no base64"),
        (("response", "body"), {"chunks": [["x", 1]]}, "response.body.chunks.after is no number"),
        (("messages",), [1], r"messages\[0\] is no object"),
        (("redaction",), {"marks": [[1, 2, 3]]}, "redaction.where is no text"),
        (("timing",), {"end": True}, "timing.end is no number"),
    ],
)
def test_a_field_of_another_type_is_named(path, value, why):
    told = json.loads(record.write(sealed()))
    *above, name = path
    place = told
    for step in above:
        place = place[step]
    place[name] = value
    with pytest.raises(Malformed, match=why) as caught:
        read(json.dumps(told).encode())
    assert "secret" not in str(caught.value)


@given(st.sampled_from(["id", "started", "request", "response", "messages", "error", "redaction", "timing"]), VALUES)
def test_nothing_else_is_raised(name, value):
    told = {**json.loads(record.write(sealed())), name: value}
    with suppress(Malformed):
        assert isinstance(read(json.dumps(told).encode()), Redacted)
