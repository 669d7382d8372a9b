"""The names a certificate may carry: canonical hosts, addresses, URIs. Pure; knows nothing of keys or files.

`host` is the strict door for names that arrive with a connection: nothing is repaired, because a name that must be
repaired is not the one the policy judged. `alternative` is the wider one for names a person asks a certificate for.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from cryptography import x509

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# A last label of digits, or hexadecimal after 0x, makes the whole name an IPv4 address to some parsers.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_URI = re.compile(r"[a-z][a-z0-9+.-]*://[\x21-\x7e]+")
_NAME_LIMIT = 253
_URI_LIMIT = 2048


def quote(text: str) -> str:
    """`text` cut short and with every unusual character escaped, fit for a message."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")


def host(text: str) -> x509.DNSName | x509.IPAddress:
    """A lower-case LDH name without trailing dot, or an IP literal, as it would stand in a certificate.

    Raises ValueError for anything else: wildcards, empty labels, underscores, scope ids, numbers like addresses.
    """
    if address := _address(text):
        return x509.IPAddress(address)
    labels = text.split(".")
    if len(text) > _NAME_LIMIT or not all(_LABEL.fullmatch(label) for label in labels) or _NUMBER.fullmatch(labels[-1]):
        raise ValueError(f"{quote(text)} is no host name for a certificate; use a lower-case DNS name or an IP address")
    return x509.DNSName(text)


def alternative(text: str) -> x509.DNSName | x509.IPAddress | x509.UniformResourceIdentifier:
    """A name as a person writes it: a host, `*.` before a host, or a URI. Raises ValueError."""
    if "://" in text:
        return uri(text)
    if not text.startswith("*."):
        return host(text)
    if not isinstance(host(text[2:]), x509.DNSName):
        raise ValueError(f"{quote(text)} puts a wildcard before an address; list the addresses")
    return x509.DNSName(text)


def uri(text: str) -> x509.UniformResourceIdentifier:
    """A URI with a scheme and an authority; a SPIFFE ID must also be one by its specification. Raises ValueError."""
    if not _URI.fullmatch(text) or len(text) > _URI_LIMIT or not (parts := urlsplit(text)).hostname:
        raise ValueError(f"{quote(text)} is no URI for a certificate; write it like spiffe://cluster.local/ns/a/sa/b")
    if parts.scheme == "spiffe" and not _spiffe(text):
        raise ValueError(f"{quote(text)} is no SPIFFE ID; use spiffe://DOMAIN/PATH without port, query or empty part")
    return x509.UniformResourceIdentifier(text)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in text:  # a scope id means something on one machine only
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _spiffe(text: str) -> bool:
    domain, _, path = text.removeprefix("spiffe://").partition("/")
    parts = path.split("/") if path else []
    return bool(
        re.fullmatch(r"[a-z0-9._-]{1,255}", domain)
        and all(re.fullmatch(r"[A-Za-z0-9._-]+", part) and part not in {".", ".."} for part in parts)
        and not text.endswith("/")
    )
