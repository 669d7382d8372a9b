"""The rules that hold where nobody says anything."""

import pytest

from outgate.policy.redaction_model import Carrier, Format, Strategy
from outgate.redact.detect.defaults import EVERY, RULES
from outgate.redact.detect.detector import Group
from outgate.redact.detect.names import classify, words
from outgate.redact.detect.patterns import chosen
from outgate.redact.detect.vocabulary import CLASSES

BY_NAME = {rule.name: rule for rule in RULES}


def expressions(carrier):
    return [each.expression for rule in RULES for each in rule.selectors if each.carrier is carrier]


def test_rules_have_names_of_their_own_and_look_for_something():
    assert len(BY_NAME) == len(RULES)
    assert all(bool(rule.selectors) != bool(rule.detectors) for rule in RULES)


def test_detectors_are_known_and_machines_keep_their_addresses():
    groups = {each.group for rule in RULES for each in chosen(rule.detectors)}
    assert groups == {Group.SECRETS, Group.PII}


@pytest.mark.parametrize("name", ["authorization", "proxy-authorization", "x-api-key", "x-amz-security-token"])
def test_known_carriers_of_secrets_are_headers(name):
    assert name in expressions(Carrier.HEADER)


def test_all_cookies_and_the_parameters_of_signed_urls():
    assert expressions(Carrier.COOKIE) == [EVERY]
    assert {"x-amz-signature", "sig", "x-goog-signature", "access_key"} <= set(expressions(Carrier.QUERY))


@pytest.mark.parametrize("carrier", Carrier)
def test_names_are_written_once_and_in_lower_case(carrier):
    listed = expressions(carrier)
    assert len(set(listed)) == len(listed)
    assert [each.lower() for each in listed] == listed


def test_every_class_of_names_has_a_rule():
    assert set(expressions(Carrier.KEY)) == {each for listed in CLASSES.values() for each in listed}
    for meaning in CLASSES:
        rule = BY_NAME[f"default-{meaning}-by-name"]
        assert {classify(each.expression) for each in rule.selectors} == {meaning}


def test_secrets_become_tokens_and_what_has_a_form_keeps_it():
    assert BY_NAME["default-secrets"].replacement.strategy is Strategy.TOKEN
    for name, form in (("card", Format.CARD), ("iban", Format.IBAN), ("phone", Format.PHONE), ("email", Format.EMAIL)):
        for rule in (BY_NAME[f"default-{name}"], BY_NAME[f"default-{name}-by-name"]):
            assert (rule.replacement.strategy, rule.replacement.format) == (Strategy.FORMAT, form)


def test_what_is_too_short_for_a_token_becomes_a_constant():
    assert BY_NAME["default-security-code-by-name"].replacement.strategy is Strategy.CONSTANT


def test_the_rule_of_a_form_decides_before_that_of_all_personal_data():
    order = list(BY_NAME)
    assert all(order.index(f"default-{form}") < order.index("default-pii") for form in ("card", "email", "phone"))


def test_expressions_of_names_are_words():
    assert all(words(each) for each in expressions(Carrier.KEY))
