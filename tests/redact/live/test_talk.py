"""Messages of one direction of a WebSocket, each by itself and together."""

import pytest

from outgate.redact.live.talk import Talk
from outgate.redact.live.verdict import Refused, Why
from redact.live.documents import CARD, MASKED, look


def test_a_message_is_masked_by_itself():
    looked = Talk(look()).message(f"it is {CARD}".encode())
    assert (looked.message, looked.changed) == (f"it is {MASKED}".encode(), True)


def test_messages_are_looked_at_together():
    talk = Talk(look())
    assert talk.message(CARD[:9].encode()).message == CARD[:9].encode()
    with pytest.raises(Refused) as refused:
        talk.message(CARD[9:].encode())
    assert refused.value.why is Why.SPLIT


def test_each_direction_talks_by_itself():
    looks = look()
    for half in (CARD[:9], CARD[9:]):
        assert Talk(looks).message(half.encode()).message == half.encode()
