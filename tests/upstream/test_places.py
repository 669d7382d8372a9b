"""The order in which endpoints are tried."""

import random
from collections import Counter

import pytest

from outgate.policy.model import Endpoint
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.places import MOST_PLACES, endpoints_of, looked_up, ordered, places_of
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


async def test_to_choose_among_there_are_addresses_of_one_family():
    """The one that the system prefers; which of them comes first says nothing."""
    names = Names({"good.example": ["127.0.0.3", "::1", "127.0.0.2"]})
    listed = (Endpoint("good.example", 8080, 3, 1, "eu", (("v", "1"),)), Endpoint("127.0.0.2", 8080, 9))
    found = await endpoints_of(target(443, endpoints=listed), environment(names))
    assert found == (
        Endpoint("127.0.0.2", 8080, 3, 1, "eu", (("v", "1"),)),
        Endpoint("127.0.0.3", 8080, 3, 1, "eu", (("v", "1"),)),
    )
    assert await endpoints_of(target(443), environment(names)) == (
        Endpoint("127.0.0.2", 443),
        Endpoint("127.0.0.3", 443),
    )


async def test_addresses_are_what_they_are():
    listed = (Endpoint("127.0.0.1", 1), Endpoint("::1", 2))
    names = Names()
    assert await endpoints_of(target(443, endpoints=listed), environment(names)) is listed
    assert await endpoints_of(target(443, address="127.0.0.9"), environment(names)) == (Endpoint("127.0.0.9", 443),)
    assert names.asked == []


async def test_a_name_that_leads_nowhere_takes_no_other_with_it():
    names = Names({"good.example": ["127.0.0.1"], "private.example": ["10.0.0.1"]})
    listed = tuple(Endpoint(f"{name}.example", 80) for name in ("missing", "private", "good"))
    assert await endpoints_of(target(443, endpoints=listed), environment(names)) == (Endpoint("127.0.0.1", 80),)
    for alone, code in ((listed[:1], Failure.RESOLVE_FAILED), (listed[1:2], Failure.ADDRESS_REFUSED)):
        with pytest.raises(UpstreamError) as refused:
            await endpoints_of(target(443, endpoints=alone), environment(names))
        assert refused.value.code is code
