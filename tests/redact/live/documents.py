"""Documents about live messages, and looks under them, for the tests beside this file."""

from outgate.policy.redaction_model import (
    Action,
    Direction,
    Inline,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Selector,
    Strategy,
)
from outgate.redact.exchange import Body, Request
from outgate.redact.live.look import Look
from outgate.redact.live.rules import Rules
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

CARD = "4111111111111111"
MASKED = "************1111"


def rule(name="cards", *, detectors=("card",), select=(), direction=Direction.BOTH, **how):
    replacement = Replacement(**{"strategy": Strategy.MASK, "keep": 4, **how})
    selectors = tuple(Selector(*each) for each in select)
    return RedactionRule(name, selectors, detectors, replacement=replacement, direction=direction)


def document(name="doc", *rules, action=Action.MASK, **inline):
    return RedactionPolicy(f"EgressRedaction/a/{name}", rules=rules or (rule(),), inline=Inline(action, **inline))


def look(*documents, side=Direction.REQUEST):
    replacer = Replacer(Keys(b"k" * 32, "inline", ""))
    return Look(Rules(side, documents or (document(),)), replacer)


def request(body=b"", *fields, kind=b"application/json", target="/", trailers=(), method="POST"):
    known = ((b"content-type", kind), *fields) if kind else fields
    return Request(method, "https", "a.example", 443, target, fields=known, body=Body(body), trailers=trailers)
