"""Whom faults and limits are about, and what tells attempts apart."""

from __future__ import annotations

import pytest

from outgate.policy.access_model import Attribute, Condition
from outgate.policy.applying import LONGEST, Applying, values_of
from outgate.policy.model import Defaults, Identity
from outgate.policy.route_model import Bucket, Fault, LimitBy, LimitPart, NamedMatch, RateLimit, TextKind, TextMatch
from outgate.policy.routing import Seen
from policy.building import http, tcp

CALLER = Identity("prod", "web", "cluster.local/ns/prod/sa/web", address="192.0.2.7", how="test")
WEB = Condition(Attribute.SERVICE_ACCOUNT, ("prod/web",))
OTHER = Condition(Attribute.NAMESPACE, ("dev",))
BULK = NamedMatch("x-bulk", TextMatch(TextKind.EXACT, "yes"))


@pytest.mark.parametrize(
    ("fault", "about"),
    [
        (Fault(), True),
        (Fault(caller=(WEB,)), True),
        (Fault(caller=(WEB, OTHER)), False),
        (Fault(headers=(BULK,)), True),
        (Fault(caller=(OTHER,), headers=(BULK,)), False),
    ],
    ids=["everybody", "the caller", "nobody", "a header", "another's header"],
)
def test_all_of_it_must_hold(fault, about):
    attempt = http("api.example", caller=CALLER, headers={"x-bulk": "yes"})
    applying = Applying()
    assert [applying.about(fault, Seen(attempt, Defaults())) for _ in range(2)] == [about, about]


def test_who_is_not_known_is_not_meant():
    assert not Applying().about(Fault(caller=(WEB,)), Seen(http("api.example", caller=Identity()), Defaults()))


def limit(*parts: LimitPart) -> RateLimit:
    return RateLimit("l", Bucket(1, 1, 1.0), by=parts)


@pytest.mark.parametrize(
    ("by", "value"),
    [
        (LimitBy.CALLER, "cluster.local/ns/prod/sa/web"),
        (LimitBy.SOURCE_IP, "192.0.2.7"),
        (LimitBy.HOST, "api.example"),
        (LimitBy.METHOD, "GET"),
        (LimitBy.PATH, "/a"),
    ],
)
def test_values(by, value):
    attempt = http("api.example", caller=CALLER, path="/a?b")
    assert values_of(limit(LimitPart(by)), attempt) == (value,)


def test_what_lacks_a_value_is_not_limited():
    header = LimitPart(LimitBy.HEADER, "x-user")
    attempt = http("api.example", caller=CALLER, headers={"x-user": "u"})
    assert values_of(limit(header, LimitPart(LimitBy.METHOD)), attempt) == ("u", "GET")
    assert values_of(limit(header, LimitPart(LimitBy.METHOD)), http("api.example")) is None
    assert values_of(limit(LimitPart(LimitBy.PATH)), tcp("192.0.2.1", 5432)) is None
    assert values_of(limit(), attempt) == ()


def test_long_values_are_told_apart_and_not_kept():
    header = limit(LimitPart(LimitBy.HEADER, "x-user"))
    long = ["a" * 60_000, "a" * 59_999 + "b", "\udcff" * 200]
    made = [values_of(header, http("api.example", headers={"x-user": value})) for value in long]
    assert len(set(made)) == len(long)
    assert all(len(value) <= LONGEST for values in made for value in values)


def test_a_caller_without_a_principal_is_known_by_its_account_else_by_its_address():
    for caller, value in (
        (Identity("prod", "web"), "prod/web"),
        (Identity(address="192.0.2.7"), "192.0.2.7"),
    ):
        assert values_of(limit(LimitPart(LimitBy.CALLER)), http("api.example", caller=caller)) == (value,)
