"""How Istio compares names with wildcards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.frontends.istio.hostnames import Names, overlap, subset_of, weight


@pytest.mark.parametrize(
    ("name", "wider", "within"),
    [
        ("a.example", "a.example", True),
        ("A.example.", "a.Example", True),
        ("a.example", "*.example", True),
        ("a.b.example", "*.example", True),
        ("example", "*.example", False),
        ("*.a.example", "*.example", True),
        ("*.example", "*.a.example", False),
        ("*.example", "a.example", False),
        ("aexample", "*.example", False),
        ("a.example", "*", True),
        ("*", "*", True),
        ("*", "*.example", False),
        ("xa.example", "*a.example", True),
    ],
)
def test_containment(name, wider, within):
    assert subset_of(name, wider) is within


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("*.a.example", "*.example", True), ("*.example", "*.a.example", True), ("a.example", "b.example", False)],
)
def test_overlap(one, other, both):
    assert overlap(one, other) is both


def test_specificity():
    assert sorted(["*", "a.example", "*.a.example", "*.example"], key=weight) == [
        "*",
        "*.example",
        "*.a.example",
        "a.example",
    ]


NAMES = st.lists(st.sampled_from(["a", "b", "A", "c"]), min_size=1, max_size=3).map(".".join)
PATTERNS = st.one_of(NAMES, NAMES.map(lambda name: f"*.{name}"), NAMES.map(lambda name: f"*{name}"), st.just("*"))


@given(st.lists(PATTERNS, max_size=12), PATTERNS)
def test_the_index_finds_what_looking_at_each_name_finds(names, host):
    values = [object() for _ in names]
    wanted = [value for name, value in zip(names, values, strict=True) if subset_of(host, name)]
    assert Names(zip(names, values, strict=True)).covering(host) == wanted


def test_a_value_of_several_names_is_found_once():
    value = object()
    assert Names([("*.a", value), ("b.a", value)]).covering("b.a") == [value]
