"""URLs: each part that may say something, and one changed alone."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.url import read, read_list
from rewriting import NEW, found_in, is_linear, leaf, named, replaced, same_again, texts

URL = b"https://jane:p%40ss@api.example:8443/v1/users/J%C3%A4ne;jsessionid=abc/x?token=a+b&x=1#access_token=t&y"


def test_each_part_is_found():
    assert [(each.path, each.text) for each in found_in(read, URL)] == [
        (("user",), "jane"), (("password",), "p@ss"), (("path", 0), "v1"), (("path", 1), "users"),
        (("path", 2), "Jäne"), (("path", 2, "jsessionid"), "abc"), (("path", 3), "x"),
        (("query", "token"), "a b"), (("query", "x"), "1"), (("fragment", "access_token"), "t"), (("fragment",), "y"),
    ]  # fmt: skip
    same_again(read, URL)


@pytest.mark.parametrize("text", texts(read, URL))
def test_one_part_is_changed_and_no_other(text):
    before, after = (_facts(url.decode()) for url in (URL, replaced(URL, leaf(read, URL, text), f"/;?#@:{NEW}")))
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def _facts(url):
    split = urlsplit(url)
    segments = [part for segment in split.path.split("/") for part in segment.split(";")]
    return [
        split.scheme, split.hostname, split.port, unquote(split.username), unquote(split.password),
        *map(unquote, segments), *parse_qsl(split.query), *split.fragment.split("&"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (b"/v1/x?a=b", [("", "v1"), ("", "x"), ("a", "b")]),
        (b"*", [("", "*")]),
        (b"a.example:443", [("", "a.example:443")]),
        (b"mailto:jane@example.com?subject=x", [("", "jane@example.com"), ("subject", "x")]),
        (b"data:text/plain;base64,aGVsbG8/", [("", "text/plain;base64,aGVsbG8/")]),
        (b"//u:p@ss@h/", [("user", "u"), ("password", "p@ss")]),
        (b"//u@h", [("user", "u")]),
        (b"/a#b", [("", "a"), ("", "b")]),
        (b"?sk_live", [("", "sk_live")]),
        (b"x/%2F/%", [("", "x"), ("", "/"), ("", "%")]),
        (b"", []),
    ],
)
def test_references_are_read_too(url, found):
    assert named(read, url) == found
    same_again(read, url)


def test_a_list_has_a_url_on_each_line():
    assert texts(read_list, b"/a\r\n/b?c=d\n") == ["a", "b", "d"]


@given(st.text("a:/@?#;=&%+.é2f", max_size=20))
def test_any_text_is_read_and_written_the_same(text):
    same_again(read, text.encode())


@pytest.mark.parametrize("piece", [b"a", b":", b"/", b"@", b"?", b"//", b";", b"%", b"#", b"a:", b"=", b"&"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
    assert is_linear(read, piece, b"a://")
