"""JA3 and JA4: digests of what a ClientHello offers, by which clients that were built alike are known again.

Owns the two reckonings, as their authors published them. Pure and total; what a hello is taken apart into is `hello`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import md5, sha256

SERVER_NAME, GROUPS, FORMATS, SIGNATURES, ALPN, VERSIONS = 0, 10, 11, 13, 16, 43
"""Extensions that are looked into, or left out."""
NAMED = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3"}
NONE = "0" * 12
MOST = 99
"""That JA4 counts up to."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client offers, in its order."""

    version: int
    """Of the hello itself, which TLS 1.3 leaves at 1.2."""
    ciphers: bytes
    extensions: tuple[tuple[int, bytes], ...] = ()


def ja3(offer: Offer) -> str:
    """MD5 of version, ciphers, extensions, groups and point formats."""
    parts = (
        [offer.version],
        _proper(_numbers(offer.ciphers)),
        _proper(kind for kind, _ in offer.extensions),
        _proper(_listed(offer, GROUPS, head=2)),
        _listed(offer, FORMATS, head=1, width=1),
    )
    text = ",".join("-".join(map(str, part)) for part in parts)
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def ja4(offer: Offer) -> str:
    """What can be read at a glance, and cut digests of the ciphers and of extensions and signatures, in one order."""
    ciphers = _proper(_numbers(offer.ciphers))
    extensions = _proper(kind for kind, _ in offer.extensions)
    told = _hexadecimal(sorted(kind for kind in extensions if kind not in (SERVER_NAME, ALPN)))
    signatures = _hexadecimal(_proper(_listed(offer, SIGNATURES, head=2)))
    named = "d" if SERVER_NAME in extensions else "i"
    counts = f"{min(len(ciphers), MOST):02}{min(len(extensions), MOST):02}"
    begin = f"t{_version(offer)}{named}{counts}{_protocol(offer)}"
    return f"{begin}_{_cut(_hexadecimal(sorted(ciphers)))}_{_cut(f'{told}_{signatures}' if signatures else told)}"


def _proper(numbers: Iterable[int]) -> list[int]:
    """Without those that are drawn so that servers do not choke on unknown ones (RFC 8701)."""
    return [number for number in numbers if number & 0x0F0F != 0x0A0A or number >> 8 != number & 0xFF]


def _numbers(data: bytes, width: int = 2) -> list[int]:
    return [int.from_bytes(data[at : at + width]) for at in range(0, len(data), width)]


def _listed(offer: Offer, kind: int, *, head: int, width: int = 2) -> list[int]:
    """The numbers of an extension that is a list behind its length."""
    body = _extension(offer, kind)
    return _numbers(body[head : head + int.from_bytes(body[:head])], width)


def _extension(offer: Offer, wanted: int) -> bytes:
    return next((body for kind, body in offer.extensions if kind == wanted), b"")


def _version(offer: Offer) -> str:
    """The highest that is offered."""
    return NAMED.get(max(_proper(_listed(offer, VERSIONS, head=1)), default=offer.version), "00")


def _protocol(offer: Offer) -> str:
    """First and last character of the first protocol, or of its hexadecimal form."""
    body = _extension(offer, ALPN)
    name = body[3 : 3 + body[2]] if len(body) > 2 else b""
    if not name:
        return "00"
    ends = name[:1] + name[-1:]
    return ends.decode() if ends.isalnum() else name.hex()[0] + name.hex()[-1]


def _hexadecimal(numbers: Iterable[int]) -> str:
    return ",".join(f"{number:04x}" for number in numbers)


def _cut(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12] if text else NONE
