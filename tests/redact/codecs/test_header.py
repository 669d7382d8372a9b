"""Header fields: what each is read as, and one value changed alone."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.header import CODECS, codec
from rewriting import NEW, is_linear, leaf, named, parts, replaced, same_again, texts

DIGEST = b'Digest username="jane \\"J\\"", realm="a, b", nonce=abc, uri="/x?y=1"'
AWS = b"AWS4-HMAC-SHA256 Credential=AKIA/2026/us/s3/aws4_request, SignedHeaders=host;range, Signature=fe5f"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("x-api-key", b" s3cret ", [("", "s3cret")]),
        ("x-api-key", b"", []),
        ("cookie", b"a=b; c=d", [("a", "b"), ("c", "d")]),
        ("set-cookie", b"a=b; path=/", [("a", "b")]),
        ("location", b"/a?token=b", [("", "a"), ("token", "b")]),
        ("authorization", b"Bearer abc.def==", [("bearer", "abc.def==")]),
        ("authorization", b"s3cret", [("", "s3cret")]),
        ("authorization", b"Basic !", [("basic", "!")]),
        ("authorization", DIGEST, [("username", 'jane "J"'), ("realm", "a, b"), ("nonce", "abc"), ("uri", "/x?y=1")]),
        ("authorization", b"Token one two", [("token", "one two")]),
        ("link", b'<https://a.example/b?t=1>; rel="next", </c>', [("", "b"), ("t", "1"), ("rel", "next"), ("", "c")]),
        ("link", b"nothing", [("", "nothing")]),
        ("content-disposition", b'attachment; filename="a b.txt"', [("", "attachment"), ("filename", "a b.txt")]),
        ("forwarded", b"for=192.0.2.1;proto=https, for=x", [("for", "192.0.2.1"), ("proto", "https"), ("for", "x")]),
        ("forwarded", b'for="a', [("", 'for="a')]),
    ],
)
def test_fields_are_read_as_what_they_are(name, value, found):
    assert named(codec(name), value) == found
    same_again(codec(name), value)


def test_a_signature_is_read_by_its_parameters():
    assert ("Credential", "AKIA/2026/us/s3/aws4_request") in named(codec("authorization"), AWS)
    assert ("Signature", "fe5f") in named(codec("authorization"), AWS)


def test_user_and_password_are_a_part():
    value = b"Basic " + base64.b64encode(b"jane:s3cret")
    (part,) = parts(codec("authorization"), value)
    assert part.body == b"jane:s3cret"
    assert replaced(value, part, b"jane:x") == b"Basic " + base64.b64encode(b"jane:x")


@pytest.mark.parametrize("text", ['jane "J"', "abc", "/x?y=1"])
def test_one_parameter_is_changed_and_no_other(text):
    read = codec("authorization")
    made = texts(read, replaced(DIGEST, leaf(read, DIGEST, text), NEW))
    assert made == [NEW if each == text else each for each in texts(read, DIGEST)]


@pytest.mark.parametrize("name", [*CODECS, "x-api-key"])
def test_nothing_that_is_written_ends_the_line(name):
    value = b'Digest a="b", c=d' if "auth" in name else b"</a>; b=c" if name == "link" else b"a=b"
    for each in codec(name)(value):
        made = replaced(value, each, "x\r\ny\0" if hasattr(each, "text") else b"x")
        assert not {*b"\r\n\0"} & {*made}


@given(st.sampled_from([*CODECS, "x-api-key"]), st.text('a=,;"\\ <>/é:', max_size=20))
def test_any_value_is_read_and_written_the_same(name, value):
    same_again(codec(name), value.encode())


@pytest.mark.parametrize("piece", [b"a", b"=", b'"', b"\\", b";", b", ", b"a=b,", b'a="', b"<", b"<a>,", b" "])
@pytest.mark.parametrize("name", ["authorization", "link", "forwarded", "x"])
def test_any_bytes_are_read_in_linear_time(name, piece):
    assert is_linear(codec(name), piece)
    assert is_linear(codec(name), piece, b"Digest a=")
