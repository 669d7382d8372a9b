"""What is encoded in a text: found where it is, and written again in its place."""

import base64
import gzip
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.nested import inside


def found(text, name=""):
    """Encoding and body of each."""
    at = 0
    for inner in inside(text, name):
        assert at <= inner.start <= inner.end <= len(text)
        at = inner.end
    return [(inner.encoding, inner.body.decode("utf-8", "replace")) for inner in inside(text, name)]


def changed(text, new, which=0, name=""):
    inner = list(inside(text, name))[which]
    return text[: inner.start] + inner.write(new) + text[inner.end :]


def b64(text, alphabet=base64.b64encode):
    return alphabet(text.encode()).decode()


LONG = "jane@example.com has 4111"
CLAIMS = '{"sub":"jane@example.com"}'
JWT = ".".join([b64('{"alg":"RS256"}', base64.urlsafe_b64encode).rstrip("="), b64(CLAIMS).rstrip("="), "c2ln"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "b"}', [("json", '{"a": "b"}')]),
        (' ["a", 1]\n', [("json", '["a", 1]')]),
        ('"{\\"a\\": 1}"', [("json", '"{\\"a\\": 1}"')]),
        ('{"a": NaN, "b": 1}', [("json", '{"a": NaN, "b": 1}')]),
        ("<a><b>c</b></a>", [("xml", "<a><b>c</b></a>")]),
        ("<p>a<br>b</p>", [("html", "<p>a<br>b</p>")]),
        ("a=b&token=c%20d", [("form", "a=b&token=c%20d")]),
        (b"a text, spelt".hex(), [("hexadecimal", "a text, spelt")]),
        (f"0x {b'a text, spelt'.hex().upper()}", [("hexadecimal", "a text, spelt")]),
        ("https://a.example/?t=1", [("url", "https://a.example/?t=1")]),
        ("see https://a.example/x, or redis://:p@h.", [("url", "https://a.example/x"), ("url", "redis://:p@h")]),
        ("/login?next=x&token=y", [("url", "/login?next=x&token=y")]),
        (b64(LONG), [("base64", LONG)]),
        (f"data:text/plain;base64,{b64(LONG)}", [("base64", LONG)]),
        (b64(LONG + "é?>~", base64.urlsafe_b64encode), [("base64", LONG + "é?>~")]),
        (f"Bearer {JWT}", [("jwt", '{"alg":"RS256"}'), ("jwt", CLAIMS)]),
        ("J%C3%A4ne%20Doe", [("percent", "Jäne Doe")]),
        ("%7B%22a%22%3A1%7D", [("percent", '{"a":1}')]),
    ],
)
def test_what_is_encoded_is_found(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "short", "just a sentence of words", "[note] call me", "{not json}", '"quoted sentence"', "<3 you all",
     "a=b and c", "100% of it", "550e8400-e29b-41d4-a716-446655440000", "0123456789abcdef0123456789abcdef", "x" * 40,
     "a/b/c/d/e/f/g/h/i/j/k/l/m",
     "AKIAIOSFODNN7EXAMPLEAKIAIOSFODNN7", "eyJhbGciOi.eyJ.x", "/just/a/path", "1234567890123456789012345678"],
)  # fmt: skip
def test_what_only_looks_encoded_is_text(text):
    assert found(text) == []


def test_a_document_of_graphql_is_found_under_its_name():
    text = '{ user(token: "s3cret") { id } }'
    assert found(text) == []
    assert found(text, "query") == [("graphql", text)]
    assert found('query Q { a(b: "c") }', "query") == [("graphql", 'query Q { a(b: "c") }')]


def test_files_in_base64_are_found():
    (inner,) = inside(base64.b64encode(gzip.compress(b"\0" * 40)).decode())
    assert gzip.decompress(inner.body) == b"\0" * 40


@pytest.mark.parametrize(
    ("text", "new", "expected"),
    [
        (' {"a": "b"} ', b'{"a": "c"}', ' {"a": "c"} '),
        (b64("x" * 20), b"new", b64("new")),
        (b64("x" * 20).rstrip("="), b"new!", b64("new!").rstrip("=")),
        (b64("x" * 20 + "?>?>", base64.urlsafe_b64encode), b"~~~?", b64("~~~?", base64.urlsafe_b64encode).rstrip("=")),
        (f"a {b64(LONG)} b", b"new", f"a {b64('new')} b"),
        ("J%C3%A4ne Doe/x%2Fy", "Jö Doe/x".encode(), "J%C3%B6 Doe%2Fx"),
        ("a */* %2F\nk=%2F&x=*/*&y=z", b"a */* /\nk=/&x=*/*&y=new", "a */* %2F\nk=%2F&x=*/*&y=new"),
        ("a/b%2Fc d%20e", b"new", "new"),
        ("see https://a.example/x.", b"https://a.example/y", "see https://a.example/y."),
        (f"x {b'a text, spelt'.hex()}", b"new", f"x {b'new'.hex()}"),
        (b"a text, spelt J".hex().upper(), b"new J", b"new J".hex().upper()),
    ],
)
def test_what_is_written_is_encoded_as_it_was(text, new, expected):
    assert changed(text, new) == expected


def test_lines_of_base64_stay_lines():
    text = "\r\n".join([b64("x" * 57), b64("y" * 57), b64("z" * 10)])
    assert found(text) == [("base64", "x" * 57 + "y" * 57 + "z" * 10)]
    assert changed(text, b"n" * 60) == "\r\n".join([b64("n" * 57), b64("n" * 3)])


def test_claims_are_changed_and_the_rest_of_a_token_stays():
    head, claims, signature = changed(JWT, b'{"sub":"x"}', which=1).split(".")
    assert base64.urlsafe_b64decode(claims + "==") == b'{"sub":"x"}'
    assert (head, signature) == (JWT.split(".")[0], "c2ln")


@given(st.text(min_size=1).filter(lambda text: text.encode("utf-8", "replace").decode() == text), st.booleans())
def test_what_is_written_as_it_was_says_the_same(text, padded):
    for outer in (json.dumps([text]), quote(text), b64("a" * 24 + text).rstrip("=" if padded else "")):
        for inner in inside(outer):
            again = outer[: inner.start] + inner.write(inner.body) + outer[inner.end :]
            assert [each.body for each in inside(again)] == [each.body for each in inside(outer)]


@pytest.mark.parametrize(
    "piece",
    ["a", "eyJ", "-eyJaaaaaaaa.", "a://", "://", "%41", "%", "[", '{"', "<a>", "a=", "&a=b", "A\n", "A" * 30 + "\n",
     "/", "/?a=", "=", "a.", '"\\"', " ", "\n"],
)  # fmt: skip
def test_any_text_is_looked_through_in_linear_time(piece):
    def seconds(size):
        least = float("inf")
        for _ in range(3):
            began = time.process_time()
            list(inside(piece * (size // len(piece)), "query"))
            least = min(least, time.process_time() - began)
        return least

    assert seconds(128_000) < 16 * seconds(16_000) + 0.05
