"""Host names have one spelling, and what has two readings is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.hosts import (
    HostError,
    bracketed,
    canonical_authority,
    canonical_host,
    canonical_pattern,
    literal,
    matches,
    weight,
    within,
)
from policy.strategies import hosts, patterns


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("api.example.com", "api.example.com"),
        ("GOOD.Example.", "good.example"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("example。com", "example.com"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
        ("r3---sn-abc.example", "r3---sn-abc.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1.", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_name_has_one_canonical_spelling(text, canonical):
    assert canonical_host(text) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to 253"),
        (".", "1 to 253"),
        ("a..b", "no label may be empty"),
        (".a", "no label may be empty"),
        ("a.example..", "no label may be empty"),
        ("evil\0.good.example", "letters, digits"),
        ("good.example\r\nx", "letters, digits"),
        ("good.example ", "letters, digits"),
        ("good@evil.example", "letters, digits"),
        ("[example.com]", "letters, digits"),
        ("a/b", "letters, digits"),
        ("a%2eb", "letters, digits"),
        ("-a.example", "letters, digits"),
        ("a-.example", "letters, digits"),
        ("a_b.example", "underscores"),
        ("a" * 64 + ".example", "at most 63"),
        (".".join(["a" * 50] * 6), "1 to 253"),
        ("a" * 2000, "too long"),
        ("127.1", "could be read as an address"),
        ("0x7f.1", "could be read as an address"),
        ("0x7f000001", "could be read as an address"),
        ("2130706433", "could be read as an address"),
        ("017700000001", "could be read as an address"),
        ("0177.0.0.1", "could be read as an address"),
        ("1.2.3.4.5", "could be read as an address"),
        ("256.1.1.1", "could be read as an address"),
        ("evil.0x1", "could be read as an address"),
        ("fe80::1%eth0", "zone"),
        ("example.com:80", "IPv6"),
        ("1::2::3", "IPv6"),
        ("xn--a.example", "internationalised"),
        ("xn--.example", "internationalised"),
        ("é_b.example", "internationalised"),
        ("\u2024.example", "internationalised"),
    ],
)
def test_what_is_no_host_is_refused_with_the_reason(text, says):
    with pytest.raises(HostError, match=says):
        canonical_host(text)


def test_a_look_alike_is_another_name():
    cyrillic = "\u0430pple.example"
    assert canonical_host(cyrillic) != canonical_host("apple.example")


def test_errors_show_control_bytes_escaped():
    with pytest.raises(HostError) as raised:
        canonical_host("a\x1b[31m\u202e.example")
    assert str(raised.value).isascii()
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("Example.com", ("example.com", 80)),
        ("example.com:8080", ("example.com", 8080)),
        ("[2001:DB8::1]", ("2001:db8::1", 80)),
        ("[::1]:443", ("::1", 443)),
        ("192.0.2.1:1", ("192.0.2.1", 1)),
        ("a.:65535", ("a", 65535)),
    ],
)
def test_an_authority_is_a_host_and_a_port(text, authority):
    assert canonical_authority(text, 80) == authority


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("user@example.com", "user info"),
        ("user:secret@example.com:80", "user info"),
        ("example.com:", "port"),
        ("example.com:0", "port"),
        ("example.com:080", "port"),
        ("example.com:+80", "port"),
        ("example.com:65536", "port"),
        ("example.com:8０", "port"),
        ("example.com:80:80", "port"),
        ("::1", "1 to 253"),
        ("2001:db8::1", "could be read|port"),
        ("[example.com]", "brackets"),
        ("[192.0.2.1]", "brackets"),
        ("[::1", "brackets"),
        ("[::1]80", "brackets"),
        ("[fe80::1%25eth0]", "zone"),
        (" example.com", "letters, digits"),
        ("example.com/", "letters, digits"),
        ("", "1 to 253"),
    ],
)
def test_a_malformed_authority_is_refused(text, says):
    with pytest.raises(HostError, match=says):
        canonical_authority(text, 80)


@pytest.mark.parametrize("text", ["user:secret@example.com", "secret@[::1]", "a@secret@example.com"])
def test_what_stands_before_a_host_is_not_repeated(text):
    for read in (canonical_host, lambda text: canonical_authority(text, 80)):
        with pytest.raises(HostError) as refused:
            read(text)
        assert "secret" not in str(refused.value)
        assert "'...@" in str(refused.value)


@given(hosts())
def test_canonicalising_twice_changes_nothing(text):
    once = canonical_host(text)
    assert canonical_host(once) == once
    assert canonical_authority(bracketed(once), 80) == (once, 80)


@given(st.text(max_size=40))
def test_any_text_is_canonical_ascii_or_refused(text):
    try:
        made = canonical_host(text)
    except HostError:
        return
    assert made.isascii()
    assert made == made.lower() == canonical_host(made)
    assert not set(made) & set(" @/\\%\0[]_")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("*", "*"),
        ("*.Example.COM.", "*.example.com"),
        ("A.example", "a.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
    ],
)
def test_a_pattern_is_canonical_too(text, canonical):
    assert canonical_pattern(text) == canonical


@pytest.mark.parametrize(
    "text", ["", "*.", "**", "*.*", "*a.example", "a.*.example", "a*", "*.192.0.2.1", "*.::1", "~"]
)
def test_a_pattern_with_a_wildcard_elsewhere_is_refused(text):
    with pytest.raises(HostError):
        canonical_pattern(text)


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("*.x.com", "a.x.com", True),
        ("*.x.com", "a.b.x.com", True),
        ("*.x.com", "x.com", False),
        ("*.x.com", "evilx.com", False),
        ("*.x.com", "a.x.com.evil", False),
        ("x.com", "x.com", True),
        ("x.com", "a.x.com", False),
        ("*", "x.com", True),
        ("*", "192.0.2.1", True),
    ],
)
def test_a_wildcard_covers_labels_below_and_never_the_apex(pattern, host, expected):
    assert matches(pattern, host) is expected


def naive(pattern, host):
    """The same by labels."""
    wanted, given_labels = pattern.split("."), host.split(".")
    if pattern == "*":
        return True
    if wanted[0] != "*":
        return wanted == given_labels
    return len(given_labels) >= len(wanted) and given_labels[-len(wanted) + 1 :] == wanted[1:]


@given(patterns(), hosts(literals=False))
def test_matching_agrees_with_a_comparison_label_by_label(pattern, host):
    host = canonical_host(host)
    assert matches(pattern, host) is naive(pattern, host)


@given(patterns(), patterns(), hosts(literals=False))
def test_what_a_narrower_pattern_covers_its_wider_one_does_too(narrow, wide, host):
    host = canonical_host(host)
    if within(narrow, wide) and matches(narrow, host):
        assert matches(wide, host)


@pytest.mark.parametrize(
    ("pattern", "wider", "expected"),
    [
        ("a.x", "*.x", True),
        ("*.a.x", "*.x", True),
        ("*.x", "*.x", True),
        ("*.x", "*.a.x", False),
        ("x", "*.x", False),
        ("*", "*.x", False),
        ("*", "*", True),
        ("*.x", "*", True),
        ("*.x", "a.x", False),
    ],
)
def test_within_compares_patterns(pattern, wider, expected):
    assert within(pattern, wider) is expected


def test_exact_names_weigh_more_than_wildcards_and_longer_wildcards_more_than_shorter():
    ordered = ["*", "*.x", "*.a.x", f"*.{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}", "x", "a.x"]
    assert sorted(ordered, key=weight) == ordered


@pytest.mark.parametrize("host", ["192.0.2.1", "::1"])
def test_an_address_is_a_literal(host):
    assert str(literal(host)) == host


@pytest.mark.parametrize("host", ["example.com", "a1", "1.a"])
def test_a_name_is_no_literal(host):
    assert literal(host) is None
