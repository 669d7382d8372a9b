"""CSV: what `csv.reader` reads is found, and one cell is changed alone."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.csv import read
from outgate.redact.leaf import Unreadable
from rewriting import NEW, found_in, is_linear, leaf, named, replaced, same_again, texts

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


def rows(body, delimiter=","):
    return list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter))


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=4), st.data())
def test_one_cell_is_changed_and_no_other(table, data):
    made = io.StringIO(newline="")
    csv.writer(made).writerows([["id", "name", "card"], *table])
    body = made.getvalue().encode()
    same_again(read, body)
    found = found_in(read, body)
    assert [each.text for each in found] == [cell for row in table for cell in row if cell]
    if found:
        chosen = data.draw(st.sampled_from(found))
        row, column = chosen.path
        table[row] = [
            NEW if name == column else cell for name, cell in zip(["id", "name", "card"], table[row], strict=False)
        ]
        assert rows(replaced(body, chosen, NEW))[1:] == table


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"id,card\r\n1,4111\r\n", [("id", "1"), ("card", "4111")]),
        (b"id;card\n1;4111", [("id", "1"), ("card", "4111")]),
        (b"id\tcard\n1\t4111\n", [("id", "1"), ("card", "4111")]),
        (b'"id","card"\n"1","a ""b"",\n c"\n', [("id", "1"), ("card", 'a "b",\n c')]),
        (b"1,jane@example.com\n2,joe@example.com\n", [("", "1"), ("", "jane@example.com"), ("", "2"), ("", "joe@example.com")]),
        (b"a,a\n1,2\n", [("", "a"), ("", "a"), ("", "1"), ("", "2")]),
        (b"id,card\n1,2,3\n\n4\n", [("id", "1"), ("card", "2"), ("", "3"), ("id", "4")]),
        (b"", []),
        (b"id,card\n\xff,2", [("id", "\udcff"), ("card", "2")]),
    ],
)  # fmt: skip
def test_cells_have_the_names_of_their_columns(body, found):
    assert named(read, body) == found


def test_a_cell_is_quoted_where_that_is_needed():
    body = b"id;card\n1;2"
    assert replaced(body, leaf(read, body, "2"), "a;b") == b'id;card\n1;"a;b"'
    assert replaced(body, leaf(read, body, "2"), "a,b") == b"id;card\n1;a,b"


@pytest.mark.parametrize("body", [b'"a', b'a,"b', b'"a"b,c'])
def test_a_quotation_that_does_not_end_is_unreadable(body):
    with pytest.raises(Unreadable):
        texts(read, body)


@pytest.mark.parametrize("piece", [b",", b'"', b'"",', b"\n", b"a,", b'"a"\r', b";"])
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
    assert is_linear(read, piece, b'"')
