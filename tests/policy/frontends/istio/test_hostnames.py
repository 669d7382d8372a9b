"""How Istio compares names with wildcards."""

import pytest

from outgate.policy.frontends.istio.hostnames import overlap, subset_of, weight


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
