"""What can be taken back is told as it is made: tokens, fakes and digests, and not what is the same for many values."""

import pytest

from outgate.policy.redaction_model import Replacement, Strategy
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer
from outgate.redact.replace.vaulted import Vaulted

KEYS = Keys(bytes(16), "export", "policy")


def told(strategy, text):
    kept = []
    made = Vaulted(KEYS, lambda token, original: kept.append((token, original))).replace(
        Replacement(strategy, keep=2), "value", text
    )
    assert made == Replacer(KEYS).replace(Replacement(strategy, keep=2), "value", text)
    return made, kept


@pytest.mark.parametrize("strategy", [Strategy.TOKEN, Strategy.FORMAT, Strategy.HASH])
def test_what_tells_one_value_from_another_is_kept(strategy):
    made, kept = told(strategy, "ann@corp.example")
    assert kept == [(made, "ann@corp.example")]


@pytest.mark.parametrize("strategy", [Strategy.REMOVE, Strategy.CONSTANT, Strategy.MASK, Strategy.KEEP])
def test_the_rest_is_not(strategy):
    assert told(strategy, "ann@corp.example")[1] == []


def test_what_is_empty_stands_for_nothing():
    assert told(Strategy.TOKEN, "")[1] == []


def test_a_token_alone_is_kept_too():
    kept = []
    made = Vaulted(KEYS, lambda *pair: kept.append(pair)).token("value", "text")
    assert kept == [(made, "text")]
