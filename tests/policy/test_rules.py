"""A compiled rule says whether it matches, and why it does not."""

import pytest
from hypothesis import given

from outgate.policy.access_model import Action, Attribute
from outgate.policy.conditions import Terms
from outgate.policy.facts import Facts
from outgate.policy.model import Defaults
from outgate.policy.rules import Policy, Rule, conditions_of, first
from outgate.policy.steps import Steps
from policy.access_building import STRANGER, get, isin, notin, policy, rule, source, tunnel
from policy.test_access import ATTEMPTS, RULES

DEFAULTS = Defaults()


def compiled(written, *, granting=True) -> Rule:
    return Rule.of(written, Terms(DEFAULTS, granting))


@given(RULES, ATTEMPTS)
def test_a_rule_that_does_not_match_says_why_and_one_that_does_has_nothing_to_say(written, attempt):
    for granting in (True, False):
        one, facts = compiled(written, granting=granting), Facts(attempt, DEFAULTS)
        assert bool(one.why_not(facts)) is not one.matches(facts)


@pytest.mark.parametrize(
    ("written", "attempt", "words"),
    [
        (rule(isin(Attribute.METHOD, "PUT")), get(), "not so: method is one of PUT"),
        (rule(isin(Attribute.PRINCIPAL, "x")), get(caller=STRANGER), "not known here: principal is one of x"),
        (
            rule(operations=[(isin(Attribute.PORT, "1"),), (notin(Attribute.PORT, "80"),)]),
            get(),
            "no operation fits: not so: port is one of 1 | not so: port is none of 80",
        ),
        (rule(sources=[(isin(Attribute.NAMESPACE, "x"),)]), get(), "no source fits: not so: namespace is one of x"),
        (rule(isin(Attribute.PATH, "/"), isin(Attribute.METHOD, "*")), tunnel(), "a tunnel does not show method, path"),
    ],
)
def test_the_words_name_the_part_that_failed(written, attempt, words):
    assert compiled(written).why_not(Facts(attempt, DEFAULTS)) == words


def test_policies_that_are_about_another_destination_are_passed_over_and_say_so():
    steps, elsewhere = Steps(), Policy.of(policy(Action.DENY, rule(), targets=["ServiceEntry/prod/x"]), DEFAULTS)
    here = Policy.of(policy(Action.DENY, rule(line=4)), DEFAULTS)
    assert first([elsewhere, here], Facts(get(), DEFAULTS), steps) == source("line 4", 4)
    assert [step.what for step in steps.taken] == [
        "DENY policy is about another destination",
        "DENY policy: the rule matches",
    ]


def test_a_policy_without_rules_says_that_it_never_matches():
    steps = Steps()
    empty = Policy.of(policy(Action.ALLOW, shadow=True), DEFAULTS)
    assert empty.match(Facts(get(), DEFAULTS), steps) is None
    assert steps.taken[0].what == "dry-run ALLOW policy has no rules, so it never matches"


def test_every_condition_of_a_rule_is_found():
    a, b, c = (isin(Attribute.PORT, number) for number in "123")
    assert set(conditions_of(rule(a, sources=[(b,)], operations=[(c,), ()]))) == {a, b, c}
