"""A vault opens with its key, tells what it was given, and tells when it was changed."""

import io

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.replace.vault import HEAD, MOST, Kept, Opened, Sealer, VaultError, private_key, public_key

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
RECORDS = [Kept("tok_card_a", "4242 4242 4242 4242"), Kept("tok_name_b", "Ann Lee"), Kept("tok_x_c", "")]


def sealed(records, *, end=True):
    """The head, and each record."""
    sealer = Sealer(KEY.public_key())
    parts = [sealer.head, *map(sealer.seal, records)]
    return [*parts, sealer.end()] if end else parts


def opened(data, key=KEY):
    vault = Opened(io.BytesIO(data), key)
    return list(vault), vault.whole


@given(st.lists(st.builds(Kept, st.text(max_size=40), st.text(st.characters(), max_size=200)), max_size=8))
def test_what_was_kept_is_read(records):
    assert opened(b"".join(sealed(records))) == (records, True)


def test_nothing_of_it_can_be_read_without_the_key():
    data = b"".join(sealed(RECORDS))
    assert not any(text.encode() in data for kept in RECORDS for text in kept if text)
    assert data != b"".join(sealed(RECORDS)), "each file has a key of its own"


@given(st.data())
def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(draw):
    parts = sealed(RECORDS)
    data = b"".join(parts)
    end = draw.draw(st.integers(HEAD.size, len(data) - 1))
    whole = [sum(map(len, parts[: count + 2])) <= end for count in range(len(RECORDS))]
    assert opened(data[:end]) == (RECORDS[: sum(whole)], False)


@given(st.data())
def test_a_byte_that_was_changed_is_told_of(draw):
    data = bytearray(b"".join(sealed(RECORDS)))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= draw.draw(st.integers(1, 255))
    try:
        found, whole = opened(bytes(data))
    except VaultError:
        return
    # A longer record reaches beyond the end of the file, as one that was not written to its end does.
    assert not whole
    assert found == RECORDS[: len(found)]


@pytest.mark.parametrize(
    "order", [[0, 2, 1, 3, 4], [0, 2, 3, 4], [0, 1, 1, 2, 3, 4], [0, 1, 2, 4], [0, 1, 2, 3, 4, 4], [0, 4, 1, 2, 3]]
)
def test_records_cannot_be_moved_doubled_or_taken_out(order):
    parts = sealed(RECORDS)
    with pytest.raises(VaultError, match="is not as it was written"):
        opened(b"".join(parts[place] for place in order))


def test_records_of_another_file_are_not_taken():
    with pytest.raises(VaultError, match="record 0 is not as it was written"):
        opened(sealed(RECORDS)[0] + sealed(RECORDS)[1])


def test_another_key_opens_nothing_and_the_right_one_is_named():
    other = X25519PrivateKey.generate()
    with pytest.raises(VaultError, match=r"sealed for key [0-9a-f]{16}, not for [0-9a-f]{16}; give that private key"):
        opened(b"".join(sealed(RECORDS)), other)


@pytest.mark.parametrize("data", [b"", b"outgate-vault-1\n", b"x" * 100])
def test_what_is_no_vault_is_told(data):
    with pytest.raises(VaultError, match="this is no vault"):
        opened(data)


def test_a_head_without_a_key_is_told():
    head = bytearray(sealed([])[0])
    head[24:] = bytes(32)
    with pytest.raises(VaultError, match="the head is not as it was written"):
        opened(bytes(head))


def test_what_is_too_large_is_refused_and_read_no_further():
    with pytest.raises(VaultError, match="are too many; at most"):
        Sealer(KEY.public_key()).seal(Kept("t", "x" * MOST))
    with pytest.raises(VaultError, match="record 0"):
        opened(sealed([])[0] + b"\xff\xff\xff\xff")


class TestKeys:
    PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    FORMS = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8

    def test_keys_are_read_from_pem(self):
        locked = KEY.private_bytes(*self.FORMS, serialization.BestAvailableEncryption(b"word"))
        assert public_key(self.PUBLIC) == KEY.public_key()
        assert private_key(locked, b"word").public_key() == KEY.public_key()
        for password in (b"other", None):
            with pytest.raises(VaultError, match="password"):
                private_key(locked, password)

    @pytest.mark.parametrize("read", [public_key, private_key])
    def test_what_is_no_key_is_told(self, read):
        with pytest.raises(VaultError, match="this is no"):
            read(b"hello")

    def test_another_kind_of_key_is_told(self):
        other = Ed25519PrivateKey.generate()
        pem = other.private_bytes(*self.FORMS, serialization.NoEncryption())
        with pytest.raises(VaultError, match="no X25519 key; make one with"):
            private_key(pem)
        with pytest.raises(VaultError, match="no X25519 key; make one with"):
            public_key(
                other.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
