"""An exchange is the same on the other side, and nothing else can be one."""

from enum import StrEnum

import pytest
from hypothesis import given, settings

from capture.exchanges import exchanges
from outgate.capture.wire import exchange_of, packed, unpacked


def plain(found):
    """The plain values of an exchange."""
    asked, answered, relayed = found.request, found.response, found.relayed
    return (
        found.id,
        found.started,
        asked and (*head(asked, "method", "scheme", "host", "port", "target", "protocol"), *message(asked)),
        answered and (*head(answered, "status", "reason", "protocol"), *message(answered)),
        [head(each, "after", "from_client", "text", "content") for each in found.messages],
        found.close_code,
        relayed and head(relayed, "host", "port", "sent", "received", "sni"),
        found.error,
        head(found.verdict, "verdict", "code", "reason", "rule", "destination", "generation"),
        head(found.timing, "request_end", "first_byte", "end"),
        found.caller,
    )


def head(value, *names):
    return tuple(getattr(value, name) for name in names)


def message(value):
    body = value.body
    content = bytearray(body.content) if body.content is not None else None
    chunks = [(chunk.after, chunk.size) for chunk in body.chunks]
    return value.fields, (content, body.decoded, body.size, body.missing, chunks), value.trailers


@given(exchanges)
@settings(max_examples=100, deadline=None)
def test_it_is_the_same_on_the_other_side(found):
    folder, told = unpacked(memoryview(packed("/c", plain(found))))
    assert folder == "/c"
    assert exchange_of(told) == found


def test_texts_of_a_type_of_their_own_are_texts():
    class Code(StrEnum):
        REGISTERED = "registered"

    told = (
        "1",
        1.0,
        None,
        None,
        (),
        0,
        None,
        Code.REGISTERED,
        ("allow", Code.REGISTERED, "", "", "", ""),
        (None, 2, True),
        "",
    )
    _, back = unpacked(memoryview(packed("/c", told)))
    found = exchange_of(back)
    assert (type(found.error), found.error, found.verdict.code) == (str, "registered", "registered")
    assert found.timing.end is True


def test_what_is_no_value_of_an_exchange_is_refused():
    with pytest.raises(ValueError, match="object is no value of an exchange"):
        packed("/c", ("1", object()))
