"""What redaction leaves is told from what it should have taken."""

import base64

import pytest

from outgate.capture.leaks.replaced import is_replaced
from outgate.policy.redaction_model import Format, Replacement, Strategy
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlb2ZpdA"
REPLACER = Replacer(Keys(bytes(32), "export", "policy"))


@pytest.mark.parametrize("strategy", [each for each in Strategy if each not in (Strategy.KEEP, Strategy.REMOVE)])
def test_whatever_strategy_has_left_it(strategy):
    made = REPLACER.replace(Replacement(strategy, format=Format.EMPTY), "secret", TOKEN)
    assert is_replaced(made.encode())
    assert not is_replaced(TOKEN.encode())


def test_also_in_base64_and_within_a_text():
    token = REPLACER.token("secret", "x").encode()
    assert is_replaced(base64.b64encode(b"ann:" + token))
    assert is_replaced(base64.urlsafe_b64encode(token).rstrip(b"="))
    assert is_replaced(b"v1=" + token)
    assert not is_replaced(base64.b64encode(b"ann:open sesame"))


def test_what_is_too_short_for_a_secret():
    assert is_replaced(b"12345")
    assert is_replaced(b"")
