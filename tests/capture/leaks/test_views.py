"""Whatever a text is encoded in, it is seen; what would never end is not gone through."""

import base64
import gzip
import html
import json
import re
import zlib
from urllib.parse import quote, quote_plus

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.capture.leaks.views import Unbounded, Views

SECRET = "p/q r+s&'t\"u<v>é\U0001f600w~"


def once(text):
    """All forms of a text, by name."""
    raw = text.encode()
    packed = zstandard.ZstdCompressor().compress(raw)
    yield "json", json.dumps(text).encode()
    yield "json slashes", json.dumps(text, ensure_ascii=False).replace("/", "\\/").encode()
    yield "yaml", b'"\\x70/q r+s&\'t\\"u<v>\\xe9\\ud83d\\ude00w~"' if text == SECRET else raw
    yield "percent", quote(text, safe="").encode()
    yield "percent in lower case", re.sub("%..", lambda each: each[0].lower(), quote(text, safe="")).encode()
    yield "plus", quote_plus(text).encode()
    yield "html", html.escape(text).encode()
    yield "numbers", "".join(f"&#x{ord(each):x};" for each in text).encode()
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    for before in range(3):
        yield f"base64 behind {before}", base64.b64encode(b"~" * before + raw + b"~~~")
        yield f"base64 for URLs behind {before}", base64.urlsafe_b64encode(b"~" * before + raw).rstrip(b"=")
    yield "base64 in a word", b"x" + base64.b64encode(raw)
    yield "base64 in lines", base64.encodebytes(raw * 9).replace(b"\n", b"\n        ")
    yield "gzip", b"ab" + gzip.compress(raw)
    yield "two members", gzip.compress(raw[:5]) + gzip.compress(raw[5:])
    yield "torn gzip", gzip.compress(raw + bytes(range(256)) * 9)[:-40]
    yield "zlib", zlib.compress(raw)
    yield "zstd", b"\0" + packed
    yield "gzip in base64", base64.b64encode(gzip.compress(raw))
    yield "gzip in base64 in a string", json.dumps({"a": base64.b64encode(gzip.compress(raw)).decode()}).encode()
    yield "json in json in a form", b"a=" + quote(json.dumps(json.dumps(text)), safe="").encode()


FORMS = dict(once(SECRET))


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_text_is_seen_in_wide_characters(charset):
    wide = "it is hunter2-x, too".encode(charset)
    assert any(b"is hunter2-x, too" in view for _, view in Views().of(b"ab" + wide))


@pytest.mark.parametrize("name", FORMS)
def test_a_text_is_seen_in_every_form(name):
    assert any(SECRET.encode() in view for _, view in Views().of(b"before " + FORMS[name] + b" after"))


def test_it_is_said_how_it_was_found():
    packed = base64.b64encode(gzip.compress(SECRET.encode()))
    found = [how for how, view in Views().of(packed) if SECRET.encode() in view]
    assert "compression, in base64" in found


printable = st.text(st.characters(exclude_categories=["C"]), min_size=12, max_size=20)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=30), printable, st.binary(max_size=30), st.sampled_from(sorted(FORMS.keys() - {"torn gzip"})))
def test_it_is_seen_wherever_it_stands(before, text, after, name):
    whole = before + b"\n" + dict(once(text))[name] + b"\n" + after
    assert any(text.encode() in view for _, view in Views().of(whole))


def test_a_bomb_is_unbounded_and_takes_no_memory():
    bomb = gzip.compress(b"\0" * 4_000_000)
    with pytest.raises(Unbounded):
        list(Views(1_000_000).of(bomb))


def test_what_is_nothing_is_itself():
    assert list(Views().of(b"a b c")) == [("", b"a b c")]
