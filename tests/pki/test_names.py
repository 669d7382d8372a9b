import socket

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from outgate.pki import names


@pytest.mark.parametrize("text", ["a", "a.example", "xn--bcher-kva.example", "0a.example", "1.2.3.4a", "a--b.example"])
def test_canonical_names_are_taken_as_they_are(text):
    assert names.host(text) == x509.DNSName(text)


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_addresses_become_address_names(text):
    assert isinstance(names.host(text), x509.IPAddress)


@given(st.text(alphabet="0123456789abcdefx.", max_size=16))
def test_no_name_is_an_address_to_the_resolver(text):
    try:
        name = names.host(text)
    except ValueError:
        return
    if isinstance(name, x509.DNSName):
        with pytest.raises(OSError, match="illegal IP address"):
            socket.inet_aton(text)


@given(st.text(max_size=80))
def test_any_text_is_a_name_as_it_stands_or_refused_on_one_printable_line(text):
    message = ""
    try:
        name = names.host(text)
    except ValueError as error:
        message = str(error)
    assert message.isascii()
    assert message.isprintable()
    assert message or isinstance(name, x509.IPAddress) or (name.value == text == text.lower() and text.isascii())


def test_a_long_name_is_cut_in_messages():
    assert len(names.quote("a" * 10_000)) < 100


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("*.a.example", x509.DNSName),
        ("a.example", x509.DNSName),
        ("192.0.2.1", x509.IPAddress),
        ("https://a.example/x", x509.UniformResourceIdentifier),
        ("spiffe://cluster.local/ns/a/sa/b", x509.UniformResourceIdentifier),
        ("spiffe://cluster.local", x509.UniformResourceIdentifier),
    ],
)
def test_a_person_may_ask_for_wildcards_and_uris(text, kind):
    found = names.alternative(text)
    assert isinstance(found, kind)
    assert str(found.value) == text


@pytest.mark.parametrize("text", ["*", "*.192.0.2.1", "a.*.example", "*a.example", "*.*.example", "**.example"])
def test_wildcards_stand_alone_before_a_name(text):
    with pytest.raises(ValueError, match=r"wildcard|no host name"):
        names.alternative(text)


@pytest.mark.parametrize(
    "text", ["https://", "://a", "https://a b", "HTTPS://a", "https://é", "https://a" + "b" * 2048]
)
def test_what_is_no_uri_is_refused(text):
    with pytest.raises(ValueError, match="is no URI"):
        names.alternative(text)


@pytest.mark.parametrize(
    "tail", ["td:443/a", "u@td/a", "td/a?b", "td/a#b", "td/a//b", "td/a/", "td/a/../b", "td/.", "TD/a", "td/%41", "td/"]
)
def test_what_is_no_spiffe_id_is_refused(tail):
    with pytest.raises(ValueError, match="is no SPIFFE ID"):
        names.alternative(f"spiffe://{tail}")
