"""Where values stand in a text."""

from __future__ import annotations

import pytest

from outgate.injection.spans import Kind, Unplaced, spans

TEXT = """\
# a
key: value   # b
list:
  - &anchor {x: [1, 2]}
  - *anchor
text: |
  line

last:
"""


def test_each_value_is_where_it_stands():
    root = spans(TEXT)
    assert root.kind is Kind.MAPPING
    assert [key.name for key in root.keys] == ["key", "list", "text", "last"]
    value, items, text, last = root.items
    assert TEXT[value.start : value.end] == "value"
    assert [each.kind for each in items.items] == [Kind.MAPPING, Kind.ALIAS]
    assert TEXT[items.items[1].start : items.items[1].end] == "*anchor"
    assert TEXT[text.start : text.end] == "|\n  line"
    assert last.start == last.end
    assert TEXT[root.keys[1].start : root.keys[1].colon] == "list:"


def test_flow_style_ends_with_its_bracket():
    (item,) = spans("a: {b: [1, 2] , c: d}  # e\n").items
    assert item.flow
    assert (item.start, item.end) == (3, 21)


@pytest.mark.parametrize("text", ["", "# nothing\n", "a: [", "? [1, 2]\n: 3\n", "{a, b}", "a: *b\nc: ["])
def test_what_cannot_be_followed_says_so(text):
    with pytest.raises(Unplaced):
        spans(text)
