"""Another redaction over what was redacted already: the same rules find nothing new, others are told by place."""

import json

import pytest

from capture.exchanges import exchange
from outgate.backtest.redactions import Difference, Effect, Redactions
from outgate.policy.redaction_model import (
    Carrier,
    Direction,
    KeepingPolicy,
    Mode,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Manifest, seal
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from redact.kinds import KINDS

BODY = {"items": [{"tenant": "acme corp", "n": 1}, {"tenant": "zeta corp", "n": 2}], "mail": "ann@corp.example"}
JSON = (b"content-type", b"application/json")


def rule(name, key="", strategy=Strategy.TOKEN, **facts):
    selectors = (Selector(Carrier.KEY, key),) if key else ()
    return RedactionRule(name, selectors, replacement=Replacement(strategy), **facts)


def documents(*rules, **facts):
    return (RedactionPolicy("test", rules=rules, **facts),)


def replacer(export):
    return Replacer(Keys(b"0123456789abcdef", export, ""))


def kept(redactions, made=None):
    made = made or exchange(answer=json.dumps(BODY).encode(), answered=[JSON])
    return Redactor(KeepingPolicy(redactions), replacer("capture")).redact(made)


def compared(was, would, made=None):
    found = Redactions(would, replacer("backtest"))
    found.add(kept(was, made))
    return found


TENANTS, OTHERS = documents(rule("tenants", "tenant")), documents(rule("others", "other"))
AT = "response.body.$.items[*].tenant"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("mode", Mode)
def test_the_same_redaction_changes_nothing(kind, mode):
    found = compared(documents(mode=mode), documents(mode=mode), kind.exchange)
    assert (found.compared, found.changed) == (1, 0), found.differences


def test_what_would_be_taken_too_is_told_by_place_and_rule():
    found = compared(OTHERS, TENANTS)
    assert found.differences == {Difference(Effect.MORE, AT, "", "tenants, token"): 2}
    assert found.changed == 1


def test_what_would_not_be_taken_any_more_is_told():
    assert compared(TENANTS, OTHERS).differences == {Difference(Effect.LESS, AT, "tenants, token"): 2}


def test_another_strategy_is_told():
    found = compared(TENANTS, documents(rule("tenants", "tenant", Strategy.CONSTANT)))
    assert found.differences == {Difference(Effect.OTHERWISE, AT, "tenants, token", "tenants, constant"): 2}


def test_a_narrower_mode_is_told():
    found = compared(documents(mode=Mode.ALLOW), documents())
    assert Difference(Effect.LESS, AT, "mode-allow, token") in found.differences


def test_what_a_detector_had_found_cannot_be_tried_again():
    was = documents(rule("corps", detectors=(), patterns=(r"\w+ corp",)))
    found = compared(was, documents(rule("corps", patterns=("acme corp",))))
    assert found.differences == {Difference(Effect.UNTOLD, AT, "corps, token"): 2}
    assert found.changed == 0


KEEP_BY_NAME = rule("keep", "mail", Strategy.KEEP)
KEEP_FOUND = rule("keep", strategy=Strategy.KEEP, detectors=("email",))
KEEP_INSIDE = RedactionRule("keep", (Selector(Carrier.JSON_PATH, "$.items"),), replacement=Replacement(Strategy.KEEP))
MAIL = "response.body.$.mail"
WAS = "default-email, format"


@pytest.mark.parametrize(
    ("keeping", "effect"),
    [
        (KEEP_BY_NAME, Effect.LESS),
        (rule("keep", "mail", Strategy.KEEP, detectors=("email",)), Effect.UNTOLD),
        (KEEP_FOUND, Effect.UNTOLD),
        (rule("keep", strategy=Strategy.KEEP, detectors=("pii",)), Effect.UNTOLD),
        (rule("keep", strategy=Strategy.KEEP, patterns=("ann@.*",)), Effect.UNTOLD),
        (rule("keep", strategy=Strategy.KEEP, detectors=("email",), direction=Direction.REQUEST), None),
        (rule("keep", strategy=Strategy.KEEP, detectors=("card",)), None),
        (rule("keep", "other", Strategy.KEEP), None),
    ],
    ids=["name", "found there", "found", "class", "pattern", "of requests", "another detector", "another name"],
)
def test_what_a_rule_would_keep_is_told(keeping, effect):
    found = compared(documents(), documents(keeping))
    assert [each[:3] for each in found.differences] == ([(effect, MAIL, WAS)] if effect else [])
    assert found.changed == (effect is Effect.LESS)


@pytest.mark.parametrize("keeping", [KEEP_BY_NAME, KEEP_FOUND, KEEP_INSIDE])
@pytest.mark.parametrize("mode", Mode)
def test_what_was_kept_then_is_kept_now(keeping, mode):
    same = documents(keeping, rule("tenants", "tenant"), mode=mode)
    assert not compared(same, same).differences


def test_what_is_inside_of_what_is_kept_stays_with_it():
    found = compared(TENANTS, documents(KEEP_INSIDE, rule("tenants", "tenant")))
    assert found.differences == {Difference(Effect.LESS, AT, "tenants, token"): 2}


def test_a_body_that_would_be_dropped_stands_for_its_places():
    found = compared(TENANTS, documents(rule("tenants", "tenant"), max_body=10))
    assert found.differences == {Difference(Effect.DROPPED, "response.body", would="too_large"): 1}


def test_what_redaction_had_failed_at_holds_nothing_to_compare():
    found = Redactions(TENANTS, replacer("backtest"))
    found.add(seal(exchange(), Manifest(dropped=(("exchange", "failed"),))))
    assert (found.compared, found.changed) == (1, 0)


def test_groups_are_bounded(monkeypatch):
    monkeypatch.setattr("outgate.backtest.redactions.MOST", 1)
    found = compared(documents(), documents(rule("tenants", "tenant"), rule("numbers", "n")))
    assert (len(found.differences), found.others) == (1, 2)


def test_no_value_is_in_what_is_told():
    assert "corp" not in repr(compared(OTHERS, TENANTS).differences)
