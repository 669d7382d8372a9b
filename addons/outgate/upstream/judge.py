"""Whether a server's certificate carries an accepted name and an accepted key.

Owns the reading of names and the comparison (RFC 6125 for DNS names). Pure: the chain is OpenSSL's to judge, and when
this is asked is `handshake`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outgate.policy.model import NameKind, SubjectName, UpstreamTLS, Verification

SHOWN = 8
"""Names of a certificate that a message lists."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a server's certificate must carry. `names` None: any name; empty: none is accepted."""

    names: tuple[SubjectName, ...] | None
    pins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presented:
    """What a certificate says of itself."""

    dns: tuple[str, ...]
    uris: tuple[str, ...]
    addresses: tuple[str, ...]
    not_after: float
    """Seconds since the epoch."""

    def __str__(self) -> str:
        said = [f"DNS:{name}" for name in self.dns] + [f"URI:{uri}" for uri in self.uris]
        said += [f"IP:{address}" for address in self.addresses]
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        # The server chose these names: they are shown escaped and cut.
        return ", ".join(ascii(name)[1:-1][:120] for name in said[:SHOWN]) + more if said else "no name"


@contextmanager
def _parsing() -> Iterator[None]:
    """The parser raises whatever suits a field: for a version, a curve or an extension that it does not know, no
    `ValueError`."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"the certificate cannot be parsed: {error}") from error


def criteria(tls: UpstreamTLS, names: tuple[SubjectName, ...]) -> Criteria:
    """What `tls` demands of a server that is to carry one of `names`."""
    unnamed = tls.verification in (Verification.SKIP_SAN, Verification.SKIP_ALL)
    return Criteria(None if unnamed else names, tuple(pin.lower().replace(":", "") for pin in tls.pins))


@lru_cache(1024)
def read(der: bytes) -> Presented:
    """The names of a certificate. Raises `ValueError` for what is not one."""
    with _parsing():
        certificate = x509.load_der_x509_certificate(der)
        not_after = certificate.not_valid_after_utc.timestamp()
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return Presented((), (), (), not_after)
    return Presented(
        tuple(name.lower() for name in names.get_values_for_type(x509.DNSName)),
        tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        tuple(str(address) for address in names.get_values_for_type(x509.IPAddress)),
        not_after,
    )


@lru_cache(1024)
def pin(der: bytes) -> str:
    """SHA-256 of a certificate's public key (SPKI), hexadecimal. Raises `ValueError` for what is no certificate."""
    with _parsing():
        key = x509.load_der_x509_certificate(der).public_key()
        return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def refusal(der: bytes, wanted: Criteria) -> str:
    """Why a certificate is not accepted; empty where it is. Raises `ValueError` for what is no certificate."""
    presented = read(der)
    if wanted.names is not None and not any(carries(presented, name) for name in wanted.names):
        return f"the server presented {presented}; accepted is {_listed(wanted.names)}"
    if wanted.pins and pin(der) not in wanted.pins:
        return f"the server's key has the pin {pin(der)}; accepted is {', '.join(wanted.pins)}"
    return ""


def carries(presented: Presented, name: SubjectName) -> bool:
    """Whether a certificate carries an accepted name."""
    match name.kind:
        case NameKind.DNS:
            return _dns(presented.dns, name.value)
        case NameKind.URI:
            return name.value in presented.uris
        case NameKind.PREFIX:
            return bool(name.value) and _begins(presented, name.value)
        case NameKind.EXACT:
            return _exactly(presented, name.value)


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's lower-case DNS name covers a host: `*` is one whole leftmost label, above two others."""
    if not pattern.startswith("*."):
        return pattern == host
    label, dot, rest = host.partition(".")
    return bool(label and dot) and "." in rest and rest == pattern[2:]


def _dns(carried: Iterable[str], host: str) -> bool:
    wanted = host.lower()
    return any(covers(pattern, wanted) for pattern in carried)


def _begins(presented: Presented, prefix: str) -> bool:
    lower = prefix.lower()
    return any(uri.startswith(prefix) for uri in presented.uris) or any(dns.startswith(lower) for dns in presented.dns)


def _exactly(presented: Presented, value: str) -> bool:
    try:
        return str(ip_address(value)) in presented.addresses  # an address is never looked for among the names
    except ValueError:
        return value in presented.uris or _dns(presented.dns, value)


def _listed(names: tuple[SubjectName, ...]) -> str:
    return ", ".join(f"{name.kind}:{name.value}" for name in names) or "none"
