"""Digests join inside an export, and lead nowhere outside of it."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.keys import Keys

MASTER = bytes(range(32))
TEXTS = st.text(st.characters(), max_size=40)


def test_a_digest_is_a_keyed_hash_under_a_derived_key():
    key = HKDF(SHA256(), 32, None, b"14:outgate export6:2026-16:policy").derive(MASTER)
    expected = hmac.new(key, b"5:email4:a@b.", hashlib.sha256).digest()
    assert Keys(MASTER, "2026-1", "policy").digest("email", "a@b.") == expected


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_the_same_value_of_the_same_class_alone_has_the_same_digest(class_, value, other_class, other):
    keys = Keys(MASTER, "e", "p")
    same = (class_, value) == (other_class, other)
    assert (keys.digest(class_, value) == Keys(MASTER, "e", "p").digest(other_class, other)) is same


@given(TEXTS, st.sampled_from([(bytes(32), "e", "p"), (MASTER, "f", "p"), (MASTER, "e", "q"), (MASTER, "ep", "")]))
def test_another_master_export_or_policy_shares_nothing(value, other):
    assert Keys(MASTER, "e", "p").digest("c", value) != Keys(*other).digest("c", value)


def test_long_values_have_digests_too():
    keys = Keys(MASTER, "e", "p")
    assert keys.digest("c", "a" * 5000) == keys.digest("c", "a" * 5000) != keys.digest("c", "a" * 5001)


def test_a_key_that_can_be_guessed_is_refused_and_none_is_shown():
    with pytest.raises(ValueError, match="15 bytes can be guessed; use at least 16"):
        Keys(bytes(15), "e", "p")
    assert repr(Keys(MASTER, "e", "p")) == "Keys(export='e')"
