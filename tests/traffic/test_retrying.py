"""Which outcomes are worth another try."""

import pytest

from outgate.policy.route_model import NamedMatch, RetryPolicy, TextKind, TextMatch
from outgate.traffic.outcome import Broken, Outcome
from outgate.traffic.retrying import worth_it

RESET, REFUSED = Outcome(broken=Broken.RESET), Outcome(broken=Broken.REFUSED)
LOST, UNSENT, LATE = (Outcome(broken=how) for how in (Broken.CONNECT_FAILED, Broken.RESET_UNSENT, Broken.TIMEOUT))


def holds(test: NamedMatch, value: str | None) -> bool:
    return value == test.match.value


def policy(*on: str, **more) -> RetryPolicy:
    return RetryPolicy(2, frozenset(on), **({"any_method": True} | more))


@pytest.mark.parametrize(
    ("on", "outcome", "again"),
    [
        ("5xx", Outcome(500), True),
        ("5xx", Outcome(599), True),
        ("5xx", Outcome(499), False),
        ("5xx", RESET, True),
        ("5xx", LOST, True),
        ("5xx", LATE, True),
        ("gateway-error", Outcome(502), True),
        ("gateway-error", Outcome(504), True),
        ("gateway-error", Outcome(500), False),
        ("reset", RESET, True),
        ("reset", REFUSED, True),
        ("reset", LATE, True),
        ("reset", LOST, False),
        ("reset", Outcome(503), False),
        ("reset-before-request", UNSENT, True),
        ("reset-before-request", RESET, False),
        ("connect-failure", LOST, True),
        ("connect-failure", RESET, False),
        ("refused-stream", REFUSED, True),
        ("refused-stream", RESET, False),
        ("retriable-4xx", Outcome(409), True),
        ("retriable-4xx", Outcome(404), False),
        ("envoy-ratelimited", Outcome(429, headers={"x-envoy-ratelimited": "true"}), True),
        ("envoy-ratelimited", Outcome(429), False),
        ("unavailable", Outcome(200, grpc_status=14), True),
        ("unavailable", Outcome(200, grpc_status=13), False),
        ("unavailable", Outcome(503), False),
        ("cancelled", Outcome(200, grpc_status=1), True),
        ("deadline-exceeded", Outcome(200, grpc_status=4), True),
        ("internal", Outcome(200, grpc_status=13), True),
        ("resource-exhausted", Outcome(200, grpc_status=8), True),
    ],
)
def test_conditions_by_name(on, outcome, again):
    assert worth_it(policy(on), "POST", outcome, holds) is again


def test_any_condition_is_enough_and_none_is_none():
    assert worth_it(policy("reset", "gateway-error"), "GET", Outcome(503), holds)
    assert not worth_it(policy(), "GET", Outcome(503), holds)


def test_codes_need_their_condition():
    assert worth_it(policy("retriable-status-codes", statuses=(418,)), "GET", Outcome(418), holds)
    assert not worth_it(policy("retriable-status-codes"), "GET", Outcome(418), holds)
    assert not worth_it(policy("5xx", statuses=(418,)), "GET", Outcome(418), holds)


def test_headers_of_the_answer():
    wanted = (NamedMatch("x-again", TextMatch(TextKind.EXACT, "yes")),)
    asked = policy("retriable-headers", headers=wanted)
    assert worth_it(asked, "GET", Outcome(200, headers={"x-again": "yes"}), holds)
    assert not worth_it(asked, "GET", Outcome(200, headers={"x-again": "no"}), holds)
    assert not worth_it(asked, "GET", RESET, holds)
    assert not worth_it(policy("5xx", headers=wanted), "GET", Outcome(200, headers={"x-again": "yes"}), holds)


@pytest.mark.parametrize("method", ["POST", "PATCH", "CONNECT", "FROBNICATE"])
def test_what_may_have_acted_twice_is_not_repeated_unless_said(method):
    careful = policy("5xx", any_method=False)
    assert not worth_it(careful, method, Outcome(503), holds)
    assert not worth_it(careful, method, RESET, holds)
    assert worth_it(careful, method, LOST, holds), "it reached nobody"
    assert worth_it(careful, "PUT", Outcome(503), holds)


def test_methods_that_are_named_are_the_only_ones():
    posts = policy("5xx", methods=("POST",), any_method=False)
    assert worth_it(posts, "POST", Outcome(503), holds)
    assert not worth_it(posts, "GET", Outcome(503), holds)
    assert not worth_it(posts, "GET", LOST, holds)
