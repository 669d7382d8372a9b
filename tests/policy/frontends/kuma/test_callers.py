"""Callers that several items mean: each has what all of them say together, whatever else is cut up for others."""

import itertools
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.frontends.kuma.callers import EVERYBODY, MOST, Caller, TooManyError, apart

TAGS = {"a": ("x", "y"), "b": ("x", "y"), "c": ("x",)}
PEOPLE = [
    dict(zip(TAGS, values, strict=True)) for values in itertools.product(*(("", *values) for values in TAGS.values()))
]
"""Each with some tags of some values, or none."""


def caller(**tags: str) -> Caller:
    return tuple(Condition(Attribute.SOURCE_LABEL, (value,), key=key) for key, value in tags.items())


def is_meant(who: Caller, tags: dict[str, str]) -> bool:
    return all((tags[each.key] in each.values) is not each.negated for each in who)


selectors = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in TAGS.items()})
fields = st.dictionaries(st.sampled_from("fg"), st.integers(0, 3), min_size=1).map(lambda found: tuple(found.items()))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(selectors, fields), max_size=5))
def test_everybody_is_in_one_part_and_has_what_all_items_about_him_say(items):
    def replaces(later, earlier):
        return dict(earlier).keys() <= dict(later).keys()

    parts = apart([(caller(**tags), said) for tags, said in items], replaces)
    for person in PEOPLE:
        wanted: dict[str, int] = {}
        for tags, said in items:
            if is_meant(caller(**tags), person):
                wanted.update(said)
        ((_, told),) = [(who, told) for who, told in parts if is_meant(who, person)]
        found: dict[str, int] = {}
        for each in told:
            found.update(each)
        assert found == wanted


def test_what_replaces_everything_before_it_is_said_of_one_part_alone():
    items = [(caller(**{f"t{number}": "x"}), number) for number in range(100)]
    parts = apart([(EVERYBODY, -1), *items], lambda later, earlier: True)
    assert len(parts) == 101
    assert parts[0] == (caller(t99="x"), (99,))


def test_services_that_exclude_each_other_are_cut_once():
    items = [(caller(service=f"s{number}"), number) for number in range(100)]
    parts = apart(items, lambda later, earlier: False)
    by_size = defaultdict(list)
    for _, told in parts:
        by_size[len(told)].append(told)
    assert {size: len(found) for size, found in by_size.items()} == {0: 1, 1: 100}


def test_what_overlaps_in_too_many_ways_is_refused():
    items = [(caller(**{f"t{number}": "x"}), number) for number in range(9)]
    with pytest.raises(TooManyError):
        apart(items, lambda later, earlier: False)
    assert MOST == 256
