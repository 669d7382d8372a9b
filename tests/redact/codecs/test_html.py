"""HTML: what a page holds is found, and one value is changed alone."""

from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.html import read
from outgate.redact.leaf import Leaf
from rewriting import NEW, found_in, is_linear, leaf, named, parts, replaced, texts

PAGE = b"""<!DOCTYPE html>
<html lang=en><head><meta name="csrf-token" content="abc&amp;1"><title>Jane &lt;3</title>
<style>p { color: red }</style>
<script type="application/ld+json">{"name": "Jane"}</script>
<script>window.state = {"user": {"card": "4111"}}; run(1)</script>
<!-- for Jane --></head>
<body><p class='a "b"'>J&auml;ne&nbsp;Doe</p>
<input type=hidden name="token" value="s3cret"><textarea name=note>a &lt;b> c</textarea>
<a href="/x?a=1&amp;b=2">go</a>
</body></html>
"""


class Seen(HTMLParser):
    """All that a parser sees: attributes, texts and comments."""

    def __init__(self, body):
        super().__init__()
        self.all = []
        self.feed(body.decode("utf-8", "replace"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.all += [(tag, *each) for each in attrs]

    def handle_data(self, data):
        if data.strip():
            self.all.append(("", "", data.strip()))

    def handle_comment(self, data):
        self.all.append(("", "comment", data))


def test_each_kind_of_value_is_found():
    found = named(read, PAGE)
    assert found == [
        ("lang", "en"), ("name", "csrf-token"), ("csrf-token", "abc&1"), ("title", "Jane <3"),
        ("style", "p { color: red }"), ("type", "application/ld+json"), ("", " for Jane "), ("class", 'a "b"'),
        ("p", "Jäne\xa0Doe"), ("type", "hidden"), ("name", "token"), ("token", "s3cret"), ("name", "note"),
        ("note", "a <b> c"), ("href", "/x?a=1&b=2"), ("a", "go"),
    ]  # fmt: skip


def test_scripts_are_parts_and_json_in_them_too():
    assert [(part.media_type, part.body) for part in parts(read, PAGE)] == [
        ("application/json", b'{"name": "Jane"}'),
        ("text/javascript", b"window.state = "),
        ("application/json", b'{"user": {"card": "4111"}}'),
        ("text/javascript", b"; run(1)"),
    ]


@pytest.mark.parametrize("old", [each.text for each in found_in(read, PAGE) if isinstance(each, Leaf)])
@pytest.mark.parametrize("new", [NEW, "-->", "</title>", "</style>", "</textarea>", "\"'>", "&lt;"])
def test_one_value_is_changed_and_no_other(old, new):
    if old == "p { color: red }" and "&" in new:
        return  # the text of a style has no entities
    made = replaced(PAGE, leaf(read, PAGE, old), new)
    before, after = Seen(PAGE).all, Seen(made).all
    assert len(before) == len(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def test_nothing_that_is_written_ends_a_script():
    part = parts(read, PAGE)[0]
    made = replaced(PAGE, part, b'{"name": "</script><!--<script>"}')
    assert parts(read, made)[0].body == b'{"name": "\\u003c/script>\\u003c!--\\u003cscript>"}'


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), min_size=1, max_size=8)


@given(TEXT, TEXT, TEXT)
def test_what_is_escaped_is_found_as_it_was(name, value, text):
    body = f'<input name="{escape(name)}" value="{escape(value)}"><p>{escape(text)}</p>'.encode()
    assert named(read, body) == [("name", name), (name, value), ("p", text)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"a < b", ["a < b"]),
        (b"<p", []),
        (b"<p a='b", ["'b"]),
        (b"<p a=b", ["b"]),
        (b"x<!-- a", ["x", " a"]),
        (b"<textarea>a", ["a"]),
        (b"<title>a <b> c</title>", ["a <b> c"]),
        (b"<p a = 'b' c>d</p", ["b", "d"]),
        (b"<P A=B>", ["B"]),
        (b"<br/>a", ["a"]),
        (b"", []),
        (b"\xff<p>\xfe", ["\udcff", "\udcfe"]),
        ("<p>à\u00a0</p>".encode(), ["à\u00a0"]),
    ],
)
def test_what_is_broken_is_read_all_the_same(body, found):
    assert texts(read, body) == found


@pytest.mark.parametrize(
    "piece",
    [b"<", b"<a ", b"<!--", b"<a b='", b'<a b="', b"</", b"<script>", b"<script>={\"", b"<title>", b"&amp", b"a=", b" ",
     b">", b"<script>=[[", b"<style>", b"&#", b"--"],
)  # fmt: skip
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
    assert is_linear(read, piece, b"<a ")
    assert is_linear(read, piece, b"<script>x")
