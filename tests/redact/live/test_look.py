"""What goes on of a message: only what is replaced changes, and what cannot be seen or changed does not go on."""

import gzip
import json

import pytest

from outgate.policy.redaction_model import Action, Carrier, Direction, Opaque, Strategy
from outgate.redact.exchange import Body, Response
from outgate.redact.live.verdict import Refused, Why
from redact.live.documents import CARD, MASKED, document, look, request, rule

NAME = "EgressRedaction/a/doc/cards"


def test_what_did_not_change_is_the_same_message():
    message = request(gzip.compress(b'{"a":  1.10}'), (b"content-encoding", b"gzip"), (b"etag", b"x"))
    looked = look().at(message)
    assert looked.message == message
    assert (looked.changed, looked.rules) == (False, ())


def test_what_changed_says_by_which_rule():
    looked = look().at(request(json.dumps([CARD, CARD[:-1] + "2", "4012888888881881"]).encode()))
    assert (looked.changed, looked.rules) == (True, (NAME, NAME))


def test_a_default_rule_is_about_no_live_message():
    message = request(b'{"password": "hunter2hunter2", "mail": "ann@corp.example"}', (b"authorization", b"Bearer abc"))
    assert look().at(message).message == message


def test_a_reason_of_an_answer():
    made = look(side=Direction.RESPONSE).at(Response(200, f"mine is {CARD}"))
    assert made.message == Response(200, f"mine is {MASKED}")


def test_a_rule_that_removes_takes_a_field_with_its_name():
    removing = document("x", rule(detectors=(), select=[(Carrier.HEADER, "x-mine")], strategy=Strategy.REMOVE))
    assert look(removing).at(request(b"", (b"x-mine", b"1"), kind=b"")).message.fields == ()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (request(b"no gzip", (b"content-encoding", b"gzip")), Why.UNDECODABLE),
        (request(b"x", (b"content-encoding", b"aws-chunked")), Why.UNDECODABLE),
        (request(b'{"a": '), Why.UNREADABLE),
        (request(b"x" * 101, kind=b"text/plain"), Why.TOO_LARGE),
        (request(gzip.compress(b"x" * 101), (b"content-encoding", b"gzip"), kind=b"text/plain"), Why.TOO_LARGE),
        (request(b"\0\1\xff" * 9, kind=b"image/png"), Why.OPAQUE),
        (request(b"", (b"x-" + CARD.encode(), b"1")), Why.FRAMING),
        (request(b"", (b"trailer", CARD.encode())), Why.FRAMING),
        (request(b"", trailers=((CARD.encode(), b"1"),)), Why.FRAMING),
        (request(b"", method=CARD), Why.FRAMING),
    ],
)
def test_what_cannot_be_seen_or_changed(message, why):
    with pytest.raises(Refused) as refused:
        look(document(max_body=100)).at(message)
    assert refused.value.why is why
    assert refused.value.source is not None
    assert CARD not in str(refused.value)


def test_bytes_of_no_format_are_looked_through_where_it_says_so():
    message = request(b"\0\1\xff" * 9 + b" " + CARD.encode() + b" ", kind=b"image/png")
    made = look(document(opaque=Opaque.SCAN)).at(message)
    assert made.message.body.content == message.body.content.replace(CARD.encode(), MASKED.encode())


@pytest.mark.parametrize("body", [json.dumps({CARD: 1}), json.dumps({"a": CARD}), json.dumps([f"see {CARD}"])])
def test_a_rule_that_blocks(body):
    with pytest.raises(Refused) as refused:
        look(document(action=Action.BLOCK)).at(request(body.encode()))
    assert refused.value.why is Why.BLOCKED
    assert "in the request's body" in str(refused.value)


def test_one_document_masks_and_another_blocks():
    pins = rule("pins", detectors=(), select=[(Carrier.KEY, "pin code")])
    both = look(document("mask"), document("block", pins, action=Action.BLOCK))
    assert both.at(request(json.dumps({"a": CARD}).encode())).changed
    with pytest.raises(Refused, match="pins finds what it blocks"):
        both.at(request(b'{"pin_code": "1234"}'))


SIGNED = (b"signature-input", b's=("content-digest" "x-card")')


def test_what_is_signed_stays_or_does_not_go_on():
    body = json.dumps({"a": CARD}).encode()
    assert look().at(request(b"{}", SIGNED)).message == request(b"{}", SIGNED)
    for message in (request(body, SIGNED), request(b"{}", SIGNED, (b"x-card", CARD.encode()))):
        with pytest.raises(Refused) as refused:
            look().at(message)
        assert refused.value.why is Why.SIGNED
    assert look(document(force_signed=True)).at(request(body, SIGNED)).changed
    assert look().at(request(b"{}", SIGNED, (b"x-other", CARD.encode()))).changed


def test_messages_and_texts_beside_all_messages():
    assert look().message(0, CARD.encode()).message == MASKED.encode()
    assert look().text(f"see {CARD}", "message") == f"see {MASKED}"
    blocking = look(document(action=Action.BLOCK))
    for work in (lambda: blocking.message(0, CARD.encode()), lambda: blocking.text(CARD, "message")):
        with pytest.raises(Refused):
            work()
    assert blocking.text("none", "message") == "none"


def test_a_body_that_is_not_here_changes_no_digest():
    message = request(b"", (b"content-md5", b"x"), (b"x-card", CARD.encode()))
    made = look().at(message).message
    assert made.fields[1:] == ((b"content-md5", b"x"), (b"x-card", MASKED.encode()))
    assert made.body == Body(b"")
