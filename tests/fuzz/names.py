"""Names, addresses and URLs: each has one spelling, and other parsers read the same in it."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import h11
from cryptography import x509

from fuzz.target import given, target, text_of
from outgate.netfilter.options import parse_cidrs, parse_ports
from outgate.pki import names as certified
from outgate.policy import paths, principals
from outgate.policy.addresses import PASSTHROUGH, PUBLIC_ONLY, as_routed, classify, unwrap
from outgate.policy.hosts import (
    HostError,
    bracketed,
    canonical_authority,
    canonical_host,
    canonical_pattern,
    canonical_value,
    literal,
    value_as_spelt,
    within,
)
from outgate.policy.names import Agreed, Claims, agree
from outgate.policy.requests import malformed
from outgate.policy.urls import UrlError, parse_url

HOSTS = ("a.example", "API.Example.", "192.0.2.1", "2001:db8::1", "bücher.example", "xn--bcher-kva.example", "0x7f.1")


@target("host", given(*HOSTS), b".", b"xn--", b"0x", b"::ffff:", b"%25", "\u3002".encode(), "ß".encode(), b"[", b"\xff")
def host(data: bytes) -> None:
    """Any text is one canonical host or refused; a certificate can carry it, and `urllib` and `idna` see the same."""
    try:
        made = canonical_host(text_of(data))
    except HostError:
        return
    assert canonical_host(made) == made == made.lower()
    address = literal(made)
    assert address is None or str(address) == made
    assert isinstance(certified.host(made), x509.IPAddress if address else x509.DNSName)
    assert _split(f"//{bracketed(made)}/").hostname == made


def _split(url: str) -> SplitResult:
    return urlsplit(url)


AUTHORITIES = (*HOSTS[:3], "a.example:80", "[2001:db8::1]:443", "[::1]", "user@a.example", "a.example:65535")


@target("authority", given(*AUTHORITIES), b":80", b"@", b"[", b"]", b":", b"]:443", b"%25eth0", b"\\", b"/")
def authority(data: bytes) -> None:
    """What is accepted is read alike by `urllib`; written down, it is the same again."""
    text = text_of(data)
    try:
        name, port = canonical_authority(text, 8)
    except HostError:
        return
    assert canonical_authority(f"{bracketed(name)}:{port}", 9) == (name, port)
    if text.isascii() and literal(name) is None:
        split = _split(f"//{text}/")
        assert split.username is None
        assert ((split.hostname or "").removesuffix("."), split.port or 8) == (name, port) or "xn--" in name
    found = agree(Claims(port, 80, None, (text,)))
    assert not isinstance(found, Agreed) or (found.host, found.port) == (name, port)


@target("pattern", given(*HOSTS, "*", "*.a.example", "*.example:80", "a*", "*b", "[::1]:80"), b"*.", b"*", b":80", b".")
def pattern(data: bytes) -> None:
    """Patterns and values have one spelling too."""
    text = text_of(data)
    with suppress(HostError):
        made = canonical_pattern(text)
        assert canonical_pattern(made) == made
        assert within(made, "*")
        assert within(made, made)
    with suppress(HostError):
        assert text.endswith("..") or canonical_value(canonical_value(text)) == canonical_value(text)
    assert isinstance(value_as_spelt(text), str)


URLS = (
    "http://a.example/b?c#d",
    "https://[2001:db8::1]:8443/",
    "tls://a.example:1",
    "tcp://192.0.2.1:5",
    "HTTP://a:80?x",
)


@target("url", given(*URLS), b"://", b"@", b":", b"[", b"]", b"?", b"#", b"\\", b"\t", b"\n", b"http://")
def url(data: bytes) -> None:
    """What is accepted has the same parts for `urllib`, whatever its host."""
    text = text_of(data)
    try:
        made = parse_url(text)
    except UrlError:
        return
    assert 0 < made.port < 65536
    assert made.path.startswith("/")
    try:
        name = canonical_host(made.host)
    except HostError:
        return  # refused before anything is made of it
    assert canonical_authority(made.target, 1) == (name, made.port)
    if text.isascii() and text.isprintable():
        split = _split(text)
        assert split.scheme == made.scheme
        assert split.username is None
        assert canonical_host(split.hostname or "") == name
        assert split.port in (None, made.port)
        path = (split.path or "/") + (f"?{split.query}" if split.query else "")
        assert made.path.rstrip("?") in (path.rstrip("?"), f"/{path}".rstrip("?"))


PATHS = ("/", "/a/b?c=d", "/a/../b", "/a%2fb", "/%2e%2e/", "//a", "/a;b", "/a\\b", "*", "/%25%32%66")


@target(
    "path", given(*PATHS), b"%2f", b"%5c", b"%2e", b"/../", b"/./", b"//", b"%25", b"\\", b"?", b"#", b";", b"\xc3\xa9"
)
def path(data: bytes) -> None:
    """Every text has its normal forms; an unambiguous path has one. What passes on is a target to h11."""
    text = text_of(data)
    forms = {paths.normalise(text, how) for how in paths.NORMALIZATIONS if how != "NONE"}
    again = {paths.normalise(form, how) for form in forms for how in paths.NORMALIZATIONS if how == "BASE"}
    assert not text.startswith("/") or all(form.startswith("/") for form in again)
    if text.startswith("/") and not paths.ambiguous(text):
        assert len(forms) == 1
        assert not {".", ".."} & set(forms.pop().split("/"))
    if malformed(b"GET", data, []) is None:
        ascii_ = bytes(byte if byte < 0x80 else ord("~") for byte in data)  # the others pass by intent
        h11.Request(method=b"GET", target=ascii_, headers=[(b"host", b"a")])


@target(
    "field", given(b"x-a:1", b"x-a:a\tb", b"x-a:", b"X-\xe9:\xc3\xa9"), b"\r", b"\n", b"\0", b"\x0b", b"\x0c", b"\x7f"
)
def field(data: bytes) -> None:
    """A field that passes is one to h11. Whoever reads fields strips what is around a value, and looks at names."""
    name, _, value = data.partition(b":")
    value = value.strip(b" \t")
    if malformed(b"GET", b"/", [(name, value)]) is None and certain_name(name):
        h11.Request(method=b"GET", target=b"/", headers=[(b"host", b"a"), (name, value)])


def certain_name(name: bytes) -> bool:
    """A token that means nothing to h11 itself."""
    return bool(name) and name.replace(b"-", b"a").isalnum() and name.lower() not in (
        b"host", b"content-length", b"transfer-encoding",
    )  # fmt: skip


@target(
    "address", given("192.0.2.1", "64:ff9b::a9fe:a9fe", "::ffff:127.0.0.1", "2002:7f00:1::", "10.0.0.0/8"), b"::", b"/"
)
def address(data: bytes) -> None:
    """Every address has a kind, and what an IPv6 one leads to is never more than that is allowed."""
    try:
        ip = ip_address(data if len(data) in (4, 16) else data.decode("ascii", "replace"))
    except ValueError:
        with suppress(ValueError):
            as_routed(ip_network(data.decode("ascii", "replace"), strict=False))
        return
    inner = unwrap(ip)
    assert classify(ip)
    assert classify(inner)
    for permit in (PUBLIC_ONLY, PASSTHROUGH):
        assert permit.allows(ip) == permit.allows(inner)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        assert inner == ip.ipv4_mapped


@target(
    "ranges", given("80,443,8000-8100", "10.0.0.0/8,fd00::/8", "192.0.2.1", "8000:8001"), b",", b"-", b":", b"/", b"_"
)
def ranges(data: bytes) -> None:
    """Ports and networks of the redirect are read, or are a `ValueError`; what is read is written in digits."""
    text = text_of(data)
    with suppress(ValueError):
        found = parse_ports(text)
        assert all(0 < each.first <= each.last < 65536 for each in found)
        assert set("".join(text.split())) <= set("0123456789,-:"), "only digits are numbers to iptables"
        assert parse_ports(",".join(map(str, found))) == found
    with suppress(ValueError):
        networks = parse_cidrs(text)
        assert all(each.prefixlen for each in networks)
        assert parse_cidrs(",".join(map(str, networks))) == networks


@target(
    "spiffe", given("spiffe://cluster.local/ns/a/sa/b", "cluster.local/ns/a/sa/b", "*/ns/*", "td/sa/b"), b"//", b"/ns/"
)
def spiffe(data: bytes) -> None:
    """Principals have parts whatever they are; one that is whole is the same when it is put together again."""
    text = text_of(data)
    name = principals.parse(text)
    composed = principals.compose(name.trust_domain, name.namespace, name.account)
    if composed:
        assert principals.parse(composed) == name
    assert isinstance(principals.aliased([text], ["cluster.local", "td", "old-*"]), tuple)
    with suppress(ValueError):
        made = certified.alternative(text)
        assert made.value.isascii() if isinstance(made.value, str) else True
        assert x509.SubjectAlternativeName([made]).public_bytes()
        if text.startswith("spiffe://"):
            split = _split(text)
            assert (split.port, split.query, split.fragment, split.username) == (None, "", "", None)
