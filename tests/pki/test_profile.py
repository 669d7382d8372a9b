import datetime

import pytest
from cryptography import x509

from outgate.pki import profile
from pki import odd

DAY = datetime.timedelta(days=1)


def test_a_window_holds_whole_seconds_and_begins_an_hour_early():
    valid = profile.window(odd.NOW + datetime.timedelta(microseconds=7), DAY)
    assert (valid.start, valid.end) == (odd.NOW - datetime.timedelta(hours=1), odd.NOW + DAY)


def test_a_window_ends_at_the_latest_when_told():
    assert profile.window(odd.NOW, 9 * DAY, odd.NOW + DAY).end == odd.NOW + DAY
    assert profile.window(odd.NOW, DAY, odd.NOW + 9 * DAY).end == odd.NOW + DAY


@pytest.mark.parametrize("days", [0, -1, 3651, 999_999_999])
def test_odd_lives_are_refused(days):
    with pytest.raises(ValueError, match="use 1 to 3650"):
        profile.window(odd.NOW, datetime.timedelta(days=days))


def test_names_are_critical_where_there_is_no_subject():
    key = odd.new_key()
    root = odd.authority("root", key)
    for text in ("", "a.example"):
        names, valid = [x509.DNSName("a.example")], profile.window(odd.NOW, DAY)
        draft = profile.end_entity(odd.name(text), names, key.public_key(), profile.SERVER, root, valid)
        made = draft.sign(key, root.signature_hash_algorithm)
        assert made.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is (not text)


def test_an_issuer_without_identifier_is_known_by_its_key():
    key = odd.new_key()
    root = odd.certificate("root", key, [(odd.AUTHORITY, True)])
    assert profile.issuer_identifier(root) == odd.issued_by(key)
