"""A body goes out with its codings on, or without the field that names them."""

import pytest

from capture.exchanges import body_of, sealed
from outgate.capture.coded import names_of, on_the_wire
from outgate.redact.decoding import Bounds, decode
from outgate.redact.encoding import encode
from outgate.redact.exchange import Body


def response(coding, body):
    return sealed(answered=[(b"Content-Encoding", coding), (b"x", b"y")], answer=body).exchange.response


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br, gzip", b"zstd", b"identity"])
def test_codings_are_put_on_again(coding):
    fields, content = on_the_wire(response(coding, body_of(b"hello")))
    assert fields[0] == (b"Content-Encoding", coding)
    assert decode(content, names_of(fields), Bounds(100)) == b"hello"


def test_what_cannot_be_put_on_or_is_not_wanted_is_not_named():
    assert on_the_wire(response(b"gzip, snappy", body_of(b"hello"))) == (((b"x", b"y"),), b"hello")
    refused = on_the_wire(response(b"gzip", body_of(b"hello")), lambda coding: False)
    assert refused == (((b"x", b"y"),), b"hello")


def test_what_is_coded_already_stays_or_is_decoded():
    coded = response(b"gzip", Body(encode(b"hello", ("gzip",))))
    assert on_the_wire(coded) == (coded.fields, coded.body.content)
    assert on_the_wire(coded, lambda coding: False) == (((b"x", b"y"),), b"hello")
    broken = response(b"gzip", Body(b"\x1f\x8b..."))
    assert on_the_wire(broken, lambda coding: False) == (broken.fields, b"\x1f\x8b...")
    assert on_the_wire(response(b"gzip", Body(None))) == (response(b"gzip", Body(None)).fields, None)
