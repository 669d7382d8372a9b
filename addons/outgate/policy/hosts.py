"""One spelling for every host name, and how a pattern matches it.

Owns names, authorities and host patterns. Matcher, rules, certificates, pools, breakers and labels all use the form
made here, so two spellings of one name can never be judged as two. Knows no policy; resolves nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

MAX_INPUT = 1024
"""Characters looked at; longer text cannot be a name and must not fill the cache."""
MAX_NAME = 253
MAX_LABEL = 63
CACHED = 8192

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
PORT = re.compile(r"[1-9][0-9]{0,4}")


class HostError(ValueError):
    """The text is not a host name, an authority or a pattern; the message says why and what to write."""


def canonical_host(text: str) -> str:
    """Lower-case A-labels without the trailing dot, or a canonical IP address (IPv6 without brackets).

    Raises `HostError` for anything but letters, digits, hyphens and dots, and for numeric forms that some resolvers
    read as an address (`127.1`, `0x7f.1`, `017700000001`).
    """
    if len(text) > MAX_INPUT:
        raise HostError(f"a host of {len(text)} characters is too long; at most {MAX_NAME} are allowed")
    return _canonical(text)


def canonical_authority(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`. Raises `HostError`; user info is refused."""
    if "@" in text:
        raise HostError(f"{_shown(text)} carries user info; leave it out")
    if text.startswith("["):
        host, rest = _bracketed(text)
    else:
        head, colon, tail = text.partition(":")
        host, rest = canonical_host(head), colon + tail
    if not rest:
        return host, default_port
    return host, _port(rest[1:], text)


def canonical_pattern(text: str) -> str:
    """`*`, `*.suffix` or an exact host, in canonical form. Raises `HostError`."""
    if text == "*":
        return text
    if not text.startswith("*."):
        if "*" in text:
            raise HostError(f'{_shown(text)} has "*" inside a label; only a whole leftmost label may be "*"')
        return canonical_host(text)
    suffix = canonical_host(text[2:])
    if literal(suffix) is not None:
        raise HostError(f"{_shown(text)} puts a wildcard before an address; name a network instead")
    return f"*.{suffix}"


def canonical_value(text: str) -> str:
    """What a rule compares authorities with, spelt as they are: `host`, `host:port`, either behind `*.`, or a text with
    `*` at its start or its end. IPv6 addresses get their brackets. Raises `HostError`."""
    if text.startswith("*.") and "*" not in text[2:]:
        return f"*.{_value(text[2:])}"
    if "*" not in text:
        return _value(text)
    if not text.isascii():
        raise HostError(f"{_shown(text)} holds part of an internationalised name; write its xn-- form")
    if text.count(":") > 1 and "[" not in text and "]" not in text:
        raise HostError(f"{_shown(text)} holds part of an IPv6 address, which is compared in brackets; write them")
    return text.lower().removesuffix(".")


def value_as_spelt(text: str) -> str:
    """The canonical form of a rule's value; of what has none, the lower case, which no verified name matches."""
    try:
        return canonical_value(text)
    except HostError:
        return text.lower()


def matches(pattern: str, host: str) -> bool:
    """Whether a canonical pattern covers a canonical host. `*.x` covers one or more labels before `x`, never `x`."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern in ("*", host)


def within(pattern: str, wider: str) -> bool:
    """Whether everything that one canonical pattern covers is covered by another."""
    return wider == "*" or pattern == wider or matches(wider, pattern.removeprefix("*"))


def weight(pattern: str) -> int:
    """How specific a canonical pattern is: exact above every wildcard, longer wildcards above shorter ones."""
    return 1 + MAX_NAME + len(pattern) if not pattern.startswith("*") else len(pattern)


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a canonical host spells, or None for a name."""
    if ":" in host:
        return IPv6Address(host)
    return IPv4Address(host) if host[-1:].isdigit() and NUMBER.fullmatch(host.rpartition(".")[2]) else None


def bracketed(host: str) -> str:
    """A canonical host as it stands in a URL or a `Host` header."""
    return f"[{host}]" if ":" in host else host


@lru_cache(CACHED)
def _canonical(text: str) -> str:
    if ":" in text:
        return _v6(text)
    name = text.lower() if text.isascii() else text
    if not text.isascii() or "xn--" in name:
        name = _a_labels(text)
    return _checked(name.removesuffix("."), text)


def _checked(name: str, text: str) -> str:
    labels = name.split(".")
    if not name or len(name) > MAX_NAME:
        raise HostError(f"{_shown(text)} has {len(name)} characters; a host has 1 to {MAX_NAME}")
    for label in labels:
        if len(label) > MAX_LABEL or not LABEL.fullmatch(label):
            raise HostError(f"{_shown(text)} is not a host name; {_advice(label)}")
    return _v4(name, text) if NUMBER.fullmatch(labels[-1]) else name


def _advice(label: str) -> str:
    if not label:
        return "no label may be empty"
    if "_" in label:
        return "underscores are not allowed in host names; use the name's address, or a name with hyphens"
    if len(label) > MAX_LABEL:
        return f"a label has at most {MAX_LABEL} characters"
    return "use letters, digits, inner hyphens and dots"


def _v4(name: str, text: str) -> str:
    try:
        return str(IPv4Address(name))
    except AddressValueError as error:
        raise HostError(f"{_shown(text)} could be read as an address; write four decimal numbers") from error


def _v6(text: str) -> str:
    if "%" in text:
        raise HostError(f"{_shown(text)} carries a zone; leave it out")
    try:
        return str(IPv6Address(text))
    except AddressValueError as error:
        raise HostError(f"{_shown(text)} is not an IPv6 address; a port stands after brackets") from error


def _a_labels(text: str) -> str:
    # Imported here: its tables cost 10 ms, and policies and requests in ASCII never need them.
    import idna

    try:
        mapped = idna.uts46_remap(text, std3_rules=True, transitional=False)
        return ".".join(_a_label(label) for label in mapped.split("."))
    except (idna.IDNAError, UnicodeError) as error:
        raise HostError(f"{_shown(text)} is not an internationalised name: {error}; write its xn-- form") from error


def _a_label(label: str) -> str:
    import idna

    if label.isascii() and not label.startswith("xn--"):
        return label
    return idna.alabel(label).decode("ascii")


def _value(text: str) -> str:
    if text.count(":") > 1 and not text.startswith("["):
        return bracketed(canonical_host(text))
    host, port = canonical_authority(text, 0)
    return f"{bracketed(host)}:{port}" if port else bracketed(host)


def _bracketed(text: str) -> tuple[str, str]:
    inner, closed, rest = text[1:].partition("]")
    if not closed or ":" not in inner or (rest and not rest.startswith(":")):
        raise HostError(f"{_shown(text)} is not an authority; brackets hold an IPv6 address, then :port")
    return canonical_host(inner), rest


def _port(digits: str, text: str) -> int:
    if not PORT.fullmatch(digits) or int(digits) > 65535:
        raise HostError(f"{_shown(text)} has no valid port; use 1 to 65535 without leading zeros")
    return int(digits)


def _shown(text: str) -> str:
    """For messages, which are logged: what stands before a host may be a password."""
    _, at, place = text.rpartition("@")
    return ascii(f"{'...' if at else ''}{at}{place[:80]}")
