"""Copies of an export: the same shapes and joins, other values."""

import pytest

from outgate.policy.redaction_model import Replacement, Strategy
from outgate.redact.replace.formats import card, email
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.mocking import Mocker
from outgate.redact.replace.replacer import TOKEN, Replacer
from redact.replace.making import shape

EXPORT = Replacer(Keys(bytes(32), "e", "p"))


def pseudonym(text, strategy=Strategy.FORMAT, class_="value"):
    return EXPORT.replace(Replacement(strategy, keep=4), class_, text)


def test_tokens_become_tokens_of_their_class_inside_a_text_too():
    token, other = pseudonym("a", Strategy.TOKEN, "user"), pseudonym("b", Strategy.TOKEN, "key")
    one, two = Mocker("seed", 1).another(token), Mocker("seed", 1).another(other)
    assert TOKEN.fullmatch(one)["class"] == "user"
    assert one != token
    assert Mocker("seed", 1).another(f"from {token} to {other}, {token}") == f"from {one} to {two}, {one}"


@pytest.mark.parametrize(
    ("text", "reads"), [("4242 4242 4242 4242", card.read), ("ann@corp.example", email.read), ("A-1234 b", str)]
)
def test_fakes_become_fakes_of_their_format(text, reads):
    fake = pseudonym(text)
    mocked = Mocker("seed", 1).another(fake, Strategy.FORMAT)
    assert mocked != fake
    assert reads(mocked)
    assert reads is email.read or shape(mocked) == shape(text)


def test_hashes_and_masks_become_such():
    hashed, masked = pseudonym("ann", Strategy.HASH), pseudonym("12345678", Strategy.MASK)
    assert shape(Mocker("s", 1).another(hashed, Strategy.HASH).replace("a", "0")).strip("0a") == ""
    assert len(Mocker("s", 1).another(hashed, Strategy.HASH)) == 64
    assert Mocker("s", 1).another(masked, Strategy.MASK)[:4] == "****"
    assert Mocker("s", 1).another(masked, Strategy.MASK) != masked


@pytest.mark.parametrize("strategy", [Strategy.CONSTANT, Strategy.KEEP, Strategy.REMOVE])
def test_what_is_the_same_for_all_values_stays(strategy):
    assert Mocker("seed", 1).another("REDACTED", strategy) == "REDACTED"


def test_a_copy_follows_from_seed_and_number():
    fake = pseudonym("ann@corp.example")
    copies = {(seed, copy): Mocker(seed, copy).another(fake) for seed in "ab" for copy in range(5)}
    assert len(set(copies.values())) == 10
    assert copies["a", 3] == Mocker("a", 3).another(fake)


def test_dates_of_a_copy_move_together():
    mocked = [Mocker("seed", 2).another(text, Strategy.FORMAT) for text in ("2024-01-10", "2024-01-10T01:02:03Z")]
    assert mocked[0] == mocked[1][:10] != "2024-01-10"
