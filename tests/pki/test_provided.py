"""New pairs fit, and one that is there says how long it will do."""

import pytest
from cryptography import x509

from outgate.pki.problem import CertificateProblem, Unreadable
from outgate.pki.provided import new_authority, new_server, share_left

NOW = 1_790_000_000.0
DAY = 86400.0
HOST = "outgate-webhook.outgate-system.svc"


def clock(days=0.0):
    return lambda: NOW + days * DAY


def left(pair, days=0.0):
    return share_left(pair.certificate, pair.key, "there", clock=clock(days))


def test_an_authority_speaks_for_itself():
    pair = new_authority("outgate CA", 30, ["partner.example"], clock=clock())
    assert pair.authority == pair.certificate
    assert x509.load_pem_x509_certificate(pair.certificate).subject.rfc4514_string() == "CN=outgate CA"


def test_a_server_has_an_authority_of_its_own_that_signs_nothing_else():
    pair = new_server([HOST], clock=clock())
    served, authority = map(x509.load_pem_x509_certificate, (pair.certificate, pair.authority))
    served.verify_directly_issued_by(authority)
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    assert HOST in [name.value for name in permitted]


@pytest.mark.parametrize(("days", "about"), [(0, 1.0), (15, 0.5), (27, 0.1), (30, 0.0), (400, 0.0)])
def test_the_share_of_its_life_that_is_left(days, about):
    assert left(new_authority("outgate CA", 30, (), clock=clock()), days) == pytest.approx(about, abs=0.01)


def test_a_key_of_another_is_no_pair():
    one, other = new_authority("one", 30, (), clock=clock()), new_authority("other", 30, (), clock=clock())
    with pytest.raises(CertificateProblem, match="there: its key does not belong"):
        share_left(one.certificate, other.key, "there", clock=clock())


@pytest.mark.parametrize(("certificate", "key"), [(b"", b""), (b"x", None), (None, b"x")], ids=["none", "one", "other"])
def test_what_is_no_certificate_or_no_key_is_said(certificate, key):
    pair = new_authority("outgate CA", 30, (), clock=clock())
    with pytest.raises(Unreadable, match="there: "):
        share_left(pair.certificate if certificate is None else certificate, pair.key if key is None else key, "there")


def test_the_key_does_not_show():
    assert "PRIVATE" not in repr(new_authority("outgate CA", 30, ()))
