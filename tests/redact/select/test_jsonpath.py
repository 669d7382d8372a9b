"""JSONPath selects what RFC 9535 selects, or is refused with what to write instead."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.select.jsonpath import compiled
from outgate.redact.select.steps import SelectorError

CASES = [
    ("$", (), True),
    ("$", ("a", 1), True),
    ("$.a", ("a",), True),
    ("$.a", ("b", "a"), False),
    ("$.a", ("a", 0, "b"), True),
    ("$.a.b", ("a",), False),
    ("$.*", ("a",), True),
    ("$.*", (), False),
    ("$.a[0]", ("a", 0), True),
    ("$.a[0]", ("a", "0"), False),
    ("$.a[*].b", ("a", 7, "b"), True),
    ("$.a[*]", ("a", "key"), True),
    ("$..b", ("b",), True),
    ("$..b", ("a", 3, "b", "c"), True),
    ("$..b.c", ("b", "b", "c"), True),
    ("$..b.c", ("b", "x", "c"), False),
    ("$..*", ("a",), True),
    ("$..[0]", ("a", "b", 0), True),
    ("$['a']['b']", ("a", "b"), True),
    ('$["a b"]', ("a b",), True),
    ("$['a', \"b\" , 1]", ("b",), True),
    ("$['a','b',1]", (1,), True),
    ("$['it\\'s \"so\"']", ('it\'s "so"',), True),
    ("$['\\u00e9\\n']", ("é\n",), True),
    ("$['a\\\\']", ("a\\",), True),
    ("$.é_1", ("é_1",), True),
    ("$[1:3]", (1,), True),
    ("$[1:3]", (3,), False),
    ("$[:]", (9,), True),
    ("$[:]", ("a",), False),
    ("$[1::2]", (3,), True),
    ("$[1::2]", (4,), False),
    ("$[::0]", (0,), False),
    ("$[ 'a' ]", ("a",), True),
]


@pytest.mark.parametrize(("expression", "path", "selected"), CASES)
def test_what_is_selected(expression, path, selected):
    assert compiled(expression)(path) is selected


@pytest.mark.parametrize(
    ("expression", "what", "hint"),
    [
        ("", "is not JSONPath", "begin with $"),
        ("a.b", "is not JSONPath", "begin with $"),
        ("$a", "is not JSONPath at 'a'", "go on with"),
        ("$.", "is not JSONPath at '.'", "go on with"),
        ("$.a-b", "is not JSONPath at '-b'", "['any name']"),
        ("$.1", "is not JSONPath at '.1'", "go on with"),
        ("$...a", "is not JSONPath", "go on with"),
        ("$[", "in its brackets", "write ['name']"),
        ("$[a]", "in its brackets", "write ['name']"),
        ("$['a'", "in its brackets", "write ['name']"),
        ("$[]", "in its brackets", "write ['name']"),
        ("$[-1]", "counts from the end", "write [*]"),
        ("$[::-1]", "counts from the end", "write [*]"),
        ("$[?@.type == 'card']", "has a filter", "find it with detect"),
        ("$['\\x']", "has an escape", "\\u0041"),
        ("$" + ".a" * 600, "1201 characters are too long", "at most 1000"),
    ],
)
def test_what_is_wrong_is_said(expression, what, hint):
    with pytest.raises(SelectorError) as raised:
        compiled(expression)
    assert what in raised.value.what
    assert hint in raised.value.hint


@given(st.lists(st.text(max_size=5) | st.integers(0, 99), max_size=5))
def test_every_path_can_be_written(path):
    written = "$" + "".join(f"[{json.dumps(step)}]" for step in path)
    assert compiled(written)(tuple(path))
