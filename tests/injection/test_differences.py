"""JSON patches: applied as RFC 6902 says, they make of one manifest the other."""

from __future__ import annotations

import copy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from injection.patched import applied
from injection.podded import PLAIN, RICH, replaced
from outgate.injection import pods
from outgate.injection.differences import common, patch, same
from outgate.injection.settings import Form, Settings

NAMES = st.sampled_from(["a", "b", "c/d", "e~f", "~1", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, max_size=3)
        | st.lists(st.fixed_dictionaries({"name": NAMES, "value": inner}), max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(before=VALUES, after=VALUES)
@example(before=[1, 2, 3], after=[3])
@example(before=[{"name": "a"}, {"name": "a"}], after=[{"name": "a", "value": 1}, {"name": "b"}])
@example(before={"a": True}, after={"a": 1})
def test_a_patch_makes_the_other_of_the_one(before, after):
    assert same(applied(before, patch(before, after)), after)


@settings(max_examples=20)
@given(value=VALUES)
def test_what_is_the_same_needs_none(value):
    assert list(patch(value, copy.deepcopy(value))) == []


@pytest.mark.parametrize("given_", [PLAIN, RICH])
@pytest.mark.parametrize("form", Form)
def test_a_pod_is_patched_where_it_changes_and_nowhere_else(given_, form):
    made, _ = pods.inject(given_, Settings(sidecar=form))
    operations = list(patch(given_, made))
    assert applied(given_, operations) == made
    assert {each["op"] for each in operations} == {"add"}, "nothing of the pod's own is replaced or removed"


def test_a_list_whose_items_have_moved_is_written_anew():
    before, after = [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}]
    assert common(before, after) is None
    assert list(patch(before, after)) == [{"op": "replace", "path": "", "value": after}]


def test_items_are_one_by_name_or_by_kind_and_place():
    assert common([{"name": "a", "x": 1}], [{"name": "b"}, {"name": "a", "x": 2}]) == {1: 0}
    mounts = [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]
    assert common(mounts, [mounts[1]]) == {0: 1}
    one, other = ({"kind": kind, "metadata": {"name": "a"}} for kind in ("Pod", "Job"))
    assert common([one, other], [other | {"spec": 1}]) == {0: 1}
    assert common([1, 1], [1, 1]) == {0: 0, 1: 1}
    assert common([1, 1], [1]) is None


def test_true_is_not_one():
    assert not same(True, 1)
    assert not same([True], [1])
    assert same({"a": [1.5, None]}, {"a": [1.5, None]})
    assert list(patch(replaced(RICH, ("spec", "x"), True), replaced(RICH, ("spec", "x"), 1)))
