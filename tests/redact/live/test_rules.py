"""Several documents about live messages: each rule does what its own says, and the strictest bounds hold."""

import pytest

from outgate.policy.redaction_model import Action, Carrier, Direction, Opaque, RedactionPolicy
from outgate.redact.live.rules import Rules
from redact.live.documents import document, rule

MASKING = document("mask", max_body=100, opaque=Opaque.SCAN, force_signed=True)
BLOCKING = document("block", rule("other"), action=Action.BLOCK, max_body=200)


def test_the_strictest_bounds_hold():
    rules = Rules(Direction.REQUEST, [MASKING, BLOCKING])
    assert (rules.most, rules.opaque, rules.masks) == (100, True, True)
    assert rules.strictest is BLOCKING
    alone = Rules(Direction.REQUEST, [MASKING])
    assert (alone.opaque, alone.strictest) == (False, MASKING)


def test_each_rule_does_what_its_document_says():
    rules = Rules(Direction.REQUEST, [MASKING, BLOCKING])
    mine, other = "EgressRedaction/a/mask/cards", "EgressRedaction/a/block/other"
    assert (rules.blocks(mine), rules.blocks(other), rules.blocks("found-elsewhere")) == (False, True, True)
    assert (rules.forced([mine]), rules.forced([mine, other]), rules.forced(["found-elsewhere"])) == (
        True,
        False,
        False,
    )
    assert (rules.source(mine), rules.source("found-elsewhere")) == (MASKING, None)


@pytest.mark.parametrize(
    ("made", "requests", "responses"),
    [
        (document(), True, True),
        (document(direction=Direction.REQUEST), True, False),
        (document("x", rule(direction=Direction.RESPONSE)), False, True),
        (document("x", rule(direction=Direction.RESPONSE), direction=Direction.REQUEST), False, False),
        (RedactionPolicy("kept", rules=(rule(),)), False, False),
    ],
)
def test_which_messages_rules_are_about(made, requests, responses):
    assert [bool(Rules(side, [made])) for side in (Direction.REQUEST, Direction.RESPONSE)] == [requests, responses]


def test_how_much_of_a_text_has_to_be_seen_together():
    assert Rules(Direction.REQUEST, [document()]).longest == 512
    assert Rules(Direction.REQUEST, [document("x", rule(detectors=("secrets",)))]).longest > 512
    assert Rules(Direction.REQUEST, [document("x", rule(detectors=(), select=[(Carrier.BODY,)]))]).longest is None
