from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from outgate.pki import pem
from outgate.pki.files import Held
from outgate.pki.problem import Unreadable
from pki import odd

KEY = odd.new_key()
ROOT = odd.authority("root", KEY)
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_blocks_are_found_with_their_lines_among_other_text():
    data = b"# a comment\n\n" + odd.key_pem(KEY) + b"subject=x\r\n" + odd.pem(ROOT).replace(b"\n", b"\r\n")
    first, second = pem.blocks(Held("f", data))
    assert (first.label, first.is_key, first.is_certificate, str(first.where)) == ("PRIVATE KEY", True, False, "f:3:1")
    assert (second.label, second.is_key, second.is_certificate) == ("CERTIFICATE", False, True)
    assert second.where.line == 4 + odd.key_pem(KEY).count(b"\n")
    assert pem.certificates(Held("f", data)) == [ROOT]
    assert pem.key(Held("f", data)).public_key() == KEY.public_key()


def test_a_broken_certificate_is_named_by_its_line():
    with pytest.raises(Unreadable, match=r"^f:2:1: holds a certificate that cannot be parsed; replace it$"):
        pem.certificates(Held("f", b"\n" + BROKEN))


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [
        (b"\x0c\x04root", b"\x05\x04root"),  # a name of a string type that there is not
        (b"\x0c\x04root", b"\x03\x04root"),
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03"),  # a version that there is not
    ],
)
def test_a_field_that_the_parser_does_not_know_is_found_before_it_is_used(sound, damaged):
    der = ROOT.public_bytes(Encoding.DER)
    assert sound in der
    text = b"-----BEGIN CERTIFICATE-----\n" + b64encode(der.replace(sound, damaged)) + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(Unreadable, match="holds a certificate that cannot be parsed"):
        pem.certificates(Held("f", text))


@pytest.mark.parametrize("before", [b"-", b" ", b"x", b"-----BEGIN "])
def test_a_boundary_begins_a_line(before):
    """As for OpenSSL, which would find no certificate there."""
    with pytest.raises(Unreadable, match="holds no PEM certificate"):
        pem.certificates(Held("f", before + odd.pem(ROOT)))


def test_blanks_behind_a_boundary_hide_nothing():
    data = odd.pem(ROOT).replace(b"CERTIFICATE-----\n", b"CERTIFICATE----- \t\n")
    assert pem.certificates(Held("f", data)) == [ROOT]


def test_a_certificate_cut_short_does_not_borrow_from_the_next():
    cut = odd.pem(ROOT)[:200] + b"\n" + odd.pem(ROOT)
    with pytest.raises(Unreadable, match="f:1:1"):
        pem.certificates(Held("f", cut))


def test_a_trust_store_is_read_past_what_is_broken():
    assert pem.readable(Held("f", BROKEN + odd.pem(ROOT) + BROKEN)) == [ROOT]
    assert pem.readable(Held("f", b"")) == []


def test_the_message_about_a_broken_key_holds_none_of_it():
    data = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    with pytest.raises(Unreadable) as caught:
        pem.key(Held("f", data))
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_old_encrypted_keys_are_called_encrypted():
    head = b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
    with pytest.raises(Unreadable, match="holds an encrypted private key; decrypt it with openssl pkey"):
        pem.key(Held("f", head + b"-----END EC PRIVATE KEY-----\n"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (KEY, "EC secp256r1"),
        (ec.generate_private_key(ec.SECP384R1()), "EC secp384r1"),
        (rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ed25519.Ed25519PrivateKey.generate(), "ED25519"),
    ],
)
def test_key_types_are_named_as_people_do(key, words):
    assert pem.key_type(key.public_key()) == words
