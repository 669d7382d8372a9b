"""Which rule speaks of a value, where several could."""

import pytest

from outgate.policy.redaction_model import Carrier, Direction, RedactionRule, Replacement, Selector, Strategy
from outgate.redact.detect.defaults import RULES
from outgate.redact.rulebook import Place, RuleBook

KEEP = Replacement(Strategy.KEEP)


def rule(*selectors, **facts):
    made = tuple(Selector(carrier, expression) for carrier, expression in selectors)
    return RedactionRule("rule", made, **facts)


def book(*rules, side=Direction.REQUEST, shipped=None):
    return RuleBook(rules, side, len(rules) if shipped is None else shipped)


@pytest.mark.parametrize(
    ("selector", "asked", "taken"),
    [
        ((Carrier.HEADER, "X-Tenant"), (Carrier.HEADER, "x-tenant"), True),
        ((Carrier.HEADER, "X-Tenant"), (Carrier.QUERY, "x-tenant"), False),
        ((Carrier.COOKIE, "*"), (Carrier.COOKIE, ""), True),
        ((Carrier.KEY, "card number"), (Carrier.HEADER, "X-Card-Number"), True),
        ((Carrier.KEY, "card number"), (Carrier.FIELD, "cardNumber"), True),
        ((Carrier.KEY, "card number"), (Carrier.KEY, "discard_number"), False),
    ],
)
def test_names(selector, asked, taken):
    assert (book(rule(selector)).called(*asked) == 0) is taken


def test_the_first_rule_decides():
    rules = rule((Carrier.KEY, "token")), rule((Carrier.KEY, "access token")), rule((Carrier.HEADER, "access_token"))
    assert book(*rules).called(Carrier.HEADER, "access_token") == 0


def test_of_default_rules_the_last_noun_decides():
    made = book(*RULES, shipped=0)
    number = made.called(Carrier.KEY, "card_holder_email_address")
    assert RULES[number].name == "default-email-by-name"


def test_a_rule_for_the_other_side_is_none():
    assert book(rule((Carrier.KEY, "a"), direction=Direction.RESPONSE)).called(Carrier.KEY, "a") is None


def test_of_templates_the_first_takes_a_segment():
    made = book(rule((Carrier.PATH, "/a/{x}")), rule((Carrier.PATH, "/{y}/{x}")))
    assert made.spans("/a/b") == [((3, 4), 0), ((1, 2), 1)]


def found(*rules, text="mail ann@corp.example", place=None):
    place = place or Place()
    return [(hit.start, number) for hit, number in book(*rules).found([text], ["note"], [place])]


def test_a_find_is_for_the_first_rule_with_its_detector_or_class():
    assert found(rule(detectors=("card",)), rule(detectors=("pii",)), rule(detectors=("email",))) == [(5, 1)]


def test_what_is_kept_is_not_found():
    keeps = rule(detectors=("email",), replacement=KEEP)
    assert found(keeps, rule(detectors=("pii",))) == []
    assert found(rule(detectors=("pii",)), keeps) == [(5, 0)]


def test_a_longer_find_than_what_is_kept_is_taken():
    keeps = rule(patterns=("corp",), replacement=KEEP)
    assert found(keeps, rule(detectors=("email",))) == [(5, 1)]


def test_finds_of_a_rule_with_places_are_for_those():
    within = rule((Carrier.JSON_PATH, "$.a"), detectors=("email",))
    assert found(within, place=Place(paths=((Carrier.JSON_PATH, ("a", "b")),))) == [(5, 0)]
    assert found(within, place=Place(paths=((Carrier.JSON_PATH, ("b",)),))) == []
    assert found(rule((Carrier.BODY, ""), patterns=("ann",)), place=Place(in_body=True)) == [(5, 0)]
    in_path = rule((Carrier.PATH, "/users/{id}"), patterns=("ann",))
    assert found(in_path, text="ann", place=Place(segment=("/users/ann", 7, 10))) == [(0, 0)]
