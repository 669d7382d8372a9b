"""Charsets: found by what says them, undone without loss, and never one that is no charset of text."""

import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.charset import AS_BROWSERS, KNOWN, UNITS, charset_of, transcoded
from outgate.redact.leaf import Unreadable

TEXT = "{Jäne}"


@pytest.mark.parametrize(
    ("media_type", "body", "charset"),
    [
        ("", b"abc", "utf_8"),
        ("", "é".encode(), "utf_8"),
        ("", b"\xe9", "latin_1"),
        ("text/plain; charset=ISO-8859-1", b"abc", "latin_1"),
        ('text/plain; CharSet="windows-1252"', b"abc", "cp1252"),
        ("text/plain; charset=Shift_JIS", b"abc", "cp932"),
        ("text/plain; charset=utf-16", b"a\0", "utf_16_le"),
        ("text/plain; charset=latin1", b"\xef\xbb\xbfabc", "utf_8"),
        ("", b"\xff\xfea\0", "utf_16_le"),
        ("", b"\xfe\xff\0a", "utf_16_be"),
        ("", b"\xff\xfe\0\0a\0\0\0", "utf_32_le"),
        ("", "[1]".encode("utf-16-le"), "utf_16_le"),
        ("", "[1]".encode("utf-32-be"), "utf_32_be"),
        ("application/xml", b'<?xml version="1.0" encoding="KOI8-R"?><a/>', "koi8_r"),
        ("application/xml", b'<?xml version="1.0" encoding="UTF-16"?><a/>', "utf_8"),
        ("text/html", b"<html><meta charset=windows-1251><p>", "cp1251"),
        ("text/html", b'<meta http-equiv="content-type" content="text/html; charset=euc-jp">', "euc_jp"),
        ("text/html; charset=utf-8", b"<meta charset=windows-1251>", "utf_8"),
    ],
)
def test_a_charset_is_found(media_type, body, charset):
    assert charset_of(media_type, body) == charset


@pytest.mark.parametrize(
    "label", ["utf-7", "rot13", "hex", "zip", "idna", "punycode", "unicode_escape", "undefined", "x" * 999, "a\0b"]
)
def test_what_is_no_charset_of_text_is_not_asked_for(label):
    before = len(encodings._cache)
    assert charset_of(f"text/plain; charset={label}", b"abc") == "utf_8"
    assert len(encodings._cache) == before


@pytest.mark.parametrize("charset", sorted(KNOWN))
def test_a_text_in_any_charset_is_read_and_written_back(charset):
    label = charset.replace("_", "-")
    name = AS_BROWSERS.get(charset, charset)
    body = "{abc}".encode(name)
    part = transcoded(f"application/json; a=b; charset={label}", body)
    if part is None:
        assert name == "utf_8"
        return
    assert (part.start, part.end, part.body) == (0, len(body), b"{abc}")
    assert part.write(part.body) == body
    assert part.write(b"{xyz}") == "{xyz}".encode(name)
    assert part.media_type == "application/json; a=b; charset=utf-8"
    assert transcoded(part.media_type, part.body) is None


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_stays_where_it_is(charset):
    body = TEXT.encode(charset)
    part = transcoded("", body)
    assert part.body == TEXT.encode()
    assert (body[: part.start] + part.write("é".encode())).decode(charset) == "é"
    assert part.media_type == "text/plain; charset=utf-8"


@given(st.binary(max_size=20), st.sampled_from(["cp1252", "euc-jp", "gb18030", "iso-8859-1"]))
def test_bytes_that_are_not_in_their_charset_come_back(body, charset):
    try:
        part = transcoded(f"text/plain; charset={charset}", body)
    except Unreadable:
        return
    if charset in ("cp1252", "iso-8859-1"):
        assert part is None or body[: part.start] + part.write(part.body) == body


def test_what_a_charset_does_not_have_becomes_a_question_mark():
    assert transcoded("text/plain; charset=latin1", b"\xe9").write("\u20ac\u00e9".encode()) == b"?\xe9"


def test_a_text_that_is_not_in_its_charset_is_unreadable():
    with pytest.raises(Unreadable):
        transcoded("text/plain; charset=utf-16", b"a\0b")
    assert transcoded("text/plain; charset=utf-16", b"\0\xd8").write(b"\xed\xa0\x80") == b"\0\xd8"
    assert len(UNITS) == 4
