"""What redaction takes is named where it stands, and nothing of it is left in sight."""

import base64
import json
from dataclasses import replace

import pytest

from capture.exchanges import exchange
from outgate.policy.redaction_model import (
    Carrier,
    KeepingPolicy,
    Mode,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.redact.labels import Labels


def shown(content: bytes, *rules: RedactionRule, kind: str = "application/json", **facts) -> str:
    """The body of an answer, with labels."""
    labels = Labels(KeepingPolicy((RedactionPolicy("test", rules=rules, **facts),) if rules or facts else ()))
    made = labels.put(exchange(answer=content, answered=((b"content-type", kind.encode()),))).exchange
    return labels.read(made.response.body.content.decode())


def rule(name: str, strategy: Strategy = Strategy.TOKEN) -> RedactionRule:
    return RedactionRule(name, (Selector(Carrier.KEY, "plan"),), replacement=Replacement(strategy))


def test_a_rule_stands_where_it_takes_something():
    assert json.loads(shown(b'{"plan": "gold", "size": 1}', rule("plans"))) == {"plan": "⟦plans⟧", "size": 1}


@pytest.mark.parametrize("strategy", [each for each in Strategy if each is not Strategy.KEEP])
def test_whatever_would_be_put_in_its_place(strategy):
    assert shown(b"plan=gold&x=1", rule("plans", strategy), kind="application/x-www-form-urlencoded") == (
        "plan=⟦plans⟧&x=1"
    )


def test_what_a_rule_keeps_stays():
    assert shown(b'{"plan": "hunter2hunter2"}', rule("plans", Strategy.KEEP)) == '{"plan": "hunter2hunter2"}'


def test_default_rules_are_named_and_a_value_that_stands_elsewhere_too():
    said = shown(b'{"password": "hunter2hunter2", "note": "it was hunter2hunter2"}')
    assert said.count("⟦default-password-by-name⟧") == 2
    assert "hunter2" not in said


def test_a_text_that_no_rule_keeps_is_named_by_the_mode():
    assert json.loads(shown(b'{"a": "b c"}', mode=Mode.ALLOW)) == {"a": "⟦mode-allow⟧"}


def test_what_is_encoded_in_a_text_is_gone_too():
    inside = base64.b64encode(b'{"password": "hunter2hunter2"}').decode()
    assert b"hunter2" not in base64.b64decode(json.loads(shown(json.dumps({"b": inside}).encode()))["b"])


def test_nobody_writes_a_label_that_is_read():
    """Those of another exchange, or of another process, are text like any other."""
    other = Labels(KeepingPolicy()).label("default-card")
    assert shown(json.dumps({"a": other}).encode()) == json.dumps({"a": other})


def test_what_cannot_be_looked_into_is_not_shown():
    labels = Labels(KeepingPolicy())
    coded = ((b"content-type", b"application/json"), (b"content-encoding", b"gzip"))
    asked = exchange(answer=b"no gzip", answered=coded)
    body = replace(asked.response.body, decoded=False)
    made = labels.put(replace(asked, response=replace(asked.response, body=body)))
    assert made.exchange.response.body.content is None
    assert made.manifest.dropped == (("response.body", "undecodable"),)
