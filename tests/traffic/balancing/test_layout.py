"""Priorities and localities in the order of preference."""

import pytest

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import Locality
from outgate.traffic.balancing.layout import Home, covers, layout

HOME = Home("eu/west/a", (("zone", "west"), ("rack", "7")))


def endpoint(name: str, locality: str = "", priority: int = 0, **labels: str) -> Endpoint:
    return Endpoint(name, 80, 1, priority, locality, tuple(labels.items()))


def names(levels) -> list[list[tuple[str, float]]]:
    return [[("".join(one.address for one in group.endpoints), group.weight) for group in level] for level in levels]


def test_without_localities_only_priorities_count():
    given = [endpoint("c", "eu/west/a", 2), endpoint("a"), endpoint("b", "us"), endpoint("d", priority=1)]
    assert names(layout(given, None, HOME)) == [[("ab", 1.0)], [("d", 1.0)], [("c", 1.0)]]


def test_the_nearest_come_first():
    given = [
        endpoint("f", "us/east/a"),
        endpoint("r", "eu/north/a"),
        endpoint("s", "eu/west/a"),
        endpoint("z", "eu/west/b"),
        endpoint("t", "eu/west/a"),
    ]
    found = names(layout(given, Locality(), HOME))
    assert found == [[("st", 1.0)], [("z", 1.0)], [("r", 1.0)], [("f", 1.0)]]


def test_a_region_that_stands_in_comes_before_the_others():
    given = [endpoint("u", "us"), endpoint("a", "asia"), endpoint("e", "eu/x")]
    found = names(layout(given, Locality(failover=(("eu", "asia"),)), HOME))
    assert found == [[("e", 1.0)], [("a", 1.0)], [("u", 1.0)]]


def test_shares_by_locality_and_nothing_for_those_without_one():
    given = [endpoint("a", "eu/west/a"), endpoint("b", "eu/north/a"), endpoint("u", "us/east/a")]
    shares = (("us/*", (("us/*", 100),)), ("eu/west/*", (("eu/west/*", 80), ("eu/*", 20))))
    assert names(layout(given, Locality(shares=shares), HOME)) == [[("a", 80), ("b", 20)]]


def test_shares_for_elsewhere_are_not_ours():
    given = [endpoint("a", "eu/west/a")]
    assert names(layout(given, Locality(shares=(("us/*", (("us/*", 100),)),)), HOME)) == [[("a", 1.0)]]


def test_labels_in_their_order():
    given = [
        endpoint("n"),
        endpoint("r", rack="7"),
        endpoint("b", zone="west", rack="7"),
        endpoint("z", zone="west", rack="9"),
    ]
    found = names(layout(given, Locality(priority_labels=("zone", "rack")), HOME))
    assert found == [[("b", 1.0)], [("z", 1.0)], [("nr", 1.0)]]


def test_a_label_may_be_given_its_value():
    given = [endpoint("e", zone="east"), endpoint("w", zone="west")]
    found = names(layout(given, Locality(priority_labels=("zone=east",)), HOME))
    assert found == [[("e", 1.0)], [("w", 1.0)]]


@pytest.mark.parametrize(
    ("pattern", "locality", "held"),
    [
        ("*", "", True),
        ("eu", "eu/west/a", True),
        ("eu/*", "eu/west/a", True),
        ("eu/west", "eu/west/a", True),
        ("eu/west/b", "eu/west/a", False),
        ("eu/*/a", "eu/west/a", True),
        ("e", "eu", False),
        ("eu/west/a/b", "eu/west/a", False),
    ],
)
def test_patterns_of_localities(pattern, locality, held):
    assert covers(pattern, locality) is held
