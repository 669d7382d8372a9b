"""The order in which endpoints are tried."""

import random
from collections import Counter

from outgate.policy.model import Endpoint
from outgate.upstream.places import MOST_PLACES, looked_up, ordered, places_of
from upstream.building import Names, environment, target


def endpoint(address: str, weight: int = 1, priority: int = 0) -> Endpoint:
    return Endpoint(address, 80, weight, priority)


def test_lower_priorities_come_first_whatever_their_weight():
    endpoints = [endpoint("b", 100, 1), endpoint("a", 1, 0), endpoint("c", 100, 2)]
    for seed in range(20):
        assert [one.address for one in ordered(endpoints, random.Random(seed).random)] == ["a", "b", "c"]


def test_weights_are_proportions():
    chance = random.Random(1).random
    endpoints = [endpoint("a", 3), endpoint("b", 1)]
    first = Counter(ordered(endpoints, chance)[0].address for _ in range(4000))
    assert 2800 < first["a"] < 3200


def test_what_has_no_weight_is_the_last_resort():
    chance = random.Random(1).random
    for _ in range(50):
        assert ordered([endpoint("a", 0), endpoint("b", 1)], chance)[-1].address == "a"


def test_only_names_are_looked_up():
    assert looked_up(target(443, "good.example"))
    assert looked_up(target(443, endpoints=(Endpoint("127.0.0.1", 80), Endpoint("good.example", 80))))
    assert not looked_up(target(443, endpoints=(Endpoint("127.0.0.1", 80), Endpoint("::1", 80))))
    assert not looked_up(target(443, "good.example", address="192.0.2.1"))
    assert not looked_up(target(443, "192.0.2.1"))


async def test_ports_are_the_endpoints_own():
    given = target(443, endpoints=(Endpoint("127.0.0.1", 8443),))
    assert await places_of(given, environment()) == [("127.0.0.1", 8443)]


async def test_a_long_answer_is_cut():
    names = Names({"good.example": [f"127.0.0.{number}" for number in range(1, 30)]})
    assert len(await places_of(target(443), environment(names))) == MOST_PLACES
