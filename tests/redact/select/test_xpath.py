"""XPath selects by the names on the way, or is refused with what to write instead."""

import pytest

from outgate.redact.select.steps import SelectorError
from outgate.redact.select.xpath import compiled

CASES = [
    ("/a/b", ("a", "b"), True),
    ("/a/b", ("a", "b", "c"), True),
    ("/a/b", ("a", "b", "@id"), True),
    ("/a/b", ("b",), False),
    ("/a/b", ("x:a", "y:b"), True),
    ("/x:a", ("x:a",), True),
    ("/x:a", ("y:a",), False),
    ("//b", ("a", "c", "b"), True),
    ("/a//c", ("a", "b", "b", "c"), True),
    ("//*", ("a",), True),
    ("/a/*", ("a", "@id"), False),
    ("/a/*", ("a", "#comment"), False),
    ("/a/@id", ("a", "@id"), True),
    ("/a/@id", ("a", "@x:id"), True),
    ("/a/@id", ("a", "id"), False),
    ("/a/id", ("a", "@id"), False),
    ("//@*", ("a", "b", "@id"), True),
    ("//@*", ("a", "b"), False),
    ("/a/text()", ("a",), True),
    ("/a/text()", ("a", "b"), False),
    ("//b/text()", ("a", "b"), True),
    ("/a-b.c/_d", ("a-b.c", "_d"), True),
    ("/é", ("é",), True),
]


@pytest.mark.parametrize(("expression", "path", "selected"), CASES)
def test_what_is_selected(expression, path, selected):
    assert compiled(expression)(path) is selected


@pytest.mark.parametrize(
    ("expression", "what", "hint"),
    [
        ("", "does not begin at the top", "write /a/b"),
        ("a/b", "does not begin at the top", "//b for any b"),
        ("/", "cannot be read", "steps are"),
        ("//", "cannot be read", "steps are"),
        ("/a/", "cannot be read at '/'", "steps are"),
        ("/text()", "names no element", "write /a/b"),
        ("/a[1]", "cannot be read at '[1]'", "predicates are not looked at"),
        ("//a[@b='c']", "cannot be read", "name elements and attributes alone"),
        ("/a/@b/c", "cannot be read at '/c'", "steps are"),
        ("/a///b", "cannot be read", "steps are"),
        ("/count(a)", "cannot be read at '(a)'", "steps are"),
        ("/1", "cannot be read", "steps are"),
        ("/a" * 501, "1002 characters are too long", "at most 1000"),
    ],
)
def test_what_is_wrong_is_said(expression, what, hint):
    with pytest.raises(SelectorError) as raised:
        compiled(expression)
    assert what in raised.value.what
    assert hint in raised.value.hint
