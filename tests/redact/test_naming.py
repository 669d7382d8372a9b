"""What keys mean: said once for each set of them, and not kept where they may be somebody's."""

from itertools import islice, permutations
from string import ascii_lowercase

import pytest

from outgate.policy.redaction_model import Carrier
from outgate.redact.naming import LONGEST, MOST, Namings


class Book:
    """Has a rule for `email`, and counts what it is asked."""

    def __init__(self):
        self.asked = []

    def called(self, carrier, name):
        self.asked.append((carrier, name))
        return 0 if name == "email" else None


@pytest.fixture
def book():
    return Book()


def test_each_key_is_told_by_what_matters_about_it(book):
    made = Namings(book.called).of(frozenset({"id", "e\\u006dail", "jane@example.com", "mobile", "query"}))
    assert made.names == {"id", "email", "jane@example.com", "mobile", "query"}
    assert made.ruled == {"e\\u006dail", "query"}
    assert made.telling == {"jane@example.com"}
    assert made.beside == {"mobile": "mobile"}


@pytest.mark.parametrize(
    ("keys", "ruled"),
    [({"name", "Value"}, {"name", "Value"}), ({"name"}, set()), ({"Value"}, set())],
    ids=("both", "naming", "valued"),
)
def test_a_name_beside_a_value_matters_where_there_are_both(book, keys, ruled):
    assert Namings(book.called).of(frozenset(keys)).ruled == ruled


def test_the_same_keys_are_judged_once(book):
    namings = Namings(book.called)
    assert namings.of(frozenset({"id", "email"})) is namings.of(frozenset({"email", "id"}))
    assert sorted(book.asked) == [(Carrier.KEY, "email"), (Carrier.KEY, "id")]
    assert namings.of(frozenset({"id"})) != namings.of(frozenset({"id", "email"}))


@pytest.mark.parametrize("key", ["jane@example.com", "a" * (LONGEST + 1)], ids=("somebody", "long"))
def test_what_may_be_somebodys_or_is_long_is_not_kept(book, key):
    namings, keys = Namings(book.called), frozenset({"id", key})
    assert namings.of(keys) == namings.of(keys)
    assert len(book.asked) == 4


def test_there_are_never_more_than_so_many(book):
    namings = Namings(book.called)
    sets = [frozenset({"id", f"{a}{b}"}) for a, b in islice(permutations(ascii_lowercase, 2), 1, MOST + 2)]
    for keys in sets:
        namings.of(keys)
    book.asked.clear()
    namings.of(sets[-1])
    assert book.asked == []
    namings.of(sets[0])
    assert len(book.asked) == 2
