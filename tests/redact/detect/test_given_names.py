"""What people are called: one list for each origin, with spellings that have no accents."""

import re

from outgate.redact.detect.given_names import GIVEN
from outgate.redact.detect.no_names import NO_NAMES

NAMES = [name for names in GIVEN.values() for name in names]


def test_names_are_words_with_a_capital():
    assert [
        name for name in NAMES if not re.fullmatch(r"[^\W\d_]+(?:-[^\W\d_]+)?", name) or not name[0].isupper()
    ] == []


def test_no_name_is_listed_twice():
    assert len(NAMES) == len(set(NAMES)) > 3000


def test_they_are_known_without_accents():
    assert {"Jürgen", "Jurgen", "Łukasz", "Lukasz", "Gönül", "Gonul", "Дмитрий"} <= set(NAMES)
    assert {"Pär", "Per", "Par", "Can"} & set(NAMES) == {"Pär"}, "short ones without accents are words"


def test_what_is_in_no_name_is_none():
    assert NO_NAMES.isdisjoint(name.lower() for name in NAMES)
