"""Everything that redaction could not carry out is told, with its place."""

import pytest

from outgate.policy.model import Source
from outgate.policy.redaction_model import Carrier, KeepingPolicy, RedactionPolicy, RedactionRule, Selector
from outgate.problems import Where
from outgate.redact.select.faults import problems

RULE = Source(Where("p.yaml", 3, 5), "EgressRedaction", "r", field="spec.rules[0]")
PLACE = Source(Where("p.yaml", 4, 7), "EgressRedaction", "r", field="spec.rules[0].select.x")


def found(*rules, detectors=None):
    return [str(each) for each in problems(KeepingPolicy((RedactionPolicy("r", rules=rules),)), detectors)]


def rule(carrier, expression, source=PLACE):
    return RedactionRule("n", (Selector(carrier, expression, source),), source=RULE)


@pytest.mark.parametrize(
    ("carrier", "good", "bad", "says"),
    [
        (Carrier.HEADER, "X-Api-Key", "x api key", "'x api key' is no name of a header; use letters"),
        (Carrier.KEY, "card number", "__", "'__' has no word in it; write words of a name"),
        (Carrier.PATH, "/a/{b}", "/a", "'/a' takes nothing; put braces"),
        (Carrier.JSON_PATH, "$.a", "a", "'a' is not JSONPath; begin with $"),
        (Carrier.XPATH, "//a", "a", "'a' does not begin at the top; write /a/b"),
        (Carrier.PROTOBUF, "3.1", "x", "'x' is no way by numbers of fields; write 3.1"),
    ],
)
def test_expressions_that_cannot_be_read(carrier, good, bad, says):
    (problem,) = found(rule(carrier, bad), rule(carrier, good))
    assert problem.startswith(f"p.yaml:4:7: spec.rules[0].select.x: {says}")


@pytest.mark.parametrize("carrier", [Carrier.COOKIE, Carrier.QUERY, Carrier.FIELD, Carrier.PART, Carrier.BODY])
def test_any_text_is_a_name(carrier):
    assert found(rule(carrier, "any thing; at all")) == []


def test_without_a_place_of_its_own_the_rule_s_is_told():
    assert found(rule(Carrier.XPATH, "a", None))[0].startswith("p.yaml:3:5: spec.rules[0]: 'a'")


def test_detectors_that_are_not_there():
    given = RedactionRule("n", detectors=("card", "cart", "zzz"), source=RULE)
    assert found(given) == []
    assert found(given, detectors={"card", "pii"}) == [
        'p.yaml:3:5: spec.rules[0]: there is no detector "cart"; did you mean "card"?',
        'p.yaml:3:5: spec.rules[0]: there is no detector "zzz"; write one of card, pii',
    ]
