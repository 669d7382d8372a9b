"""Name constraints (RFC 5280, 4.2.1.10): which names an authority may put in a certificate. Pure.

Every certificate of the issuing chain may narrow the names further, so a name must pass all of them. The reading is
OpenSSL's: a DNS constraint covers the name and all below it, one with a leading dot only what is below.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from cryptography import x509

from outgate.pki import names


@dataclass(frozen=True, slots=True)
class Constraints:
    """The name constraints of a chain. False where there are none."""

    layers: tuple[x509.NameConstraints, ...] = ()

    @classmethod
    def of(cls, certificates: Iterable[x509.Certificate]) -> Constraints:
        """Gather the constraints that `certificates` carry."""
        found = (certificate.extensions for certificate in certificates)
        return cls(tuple(e.value for es in found for e in es if isinstance(e.value, x509.NameConstraints)))

    def __bool__(self) -> bool:
        return bool(self.layers)

    def permit(self, name: x509.GeneralName) -> bool:
        """Whether a certificate with `name` would pass every layer."""
        return all(_permits(layer, name) for layer in self.layers)


def permitting(dns: Iterable[str]) -> x509.NameConstraints:
    """Constraints that permit the given names, all below them, and no address.

    Addresses are excluded by hand: a constraint binds only names of its own type, so one made of DNS names alone leaves
    every IP address open. Raises ValueError for a wildcard, a leading dot or an address.
    """
    permitted = [_base(name) for name in dns]
    everywhere = [x509.IPAddress(ip_network(block)) for block in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(permitted, everywhere)


def _base(text: str) -> x509.DNSName:
    bare = text.removeprefix("*").removeprefix(".")
    if bare != text:
        raise ValueError(f"{names.quote(text)} cannot be permitted; use {names.quote(bare)}, which covers all below it")
    name = names.host(text)
    if not isinstance(name, x509.DNSName):
        raise ValueError(f"{names.quote(text)} is an address; a constrained authority signs DNS names only")
    return name


def _permits(layer: x509.NameConstraints, name: x509.GeneralName) -> bool:
    permitted = [base for base in layer.permitted_subtrees or () if type(base) is type(name)]
    excluded = [base for base in layer.excluded_subtrees or () if type(base) is type(name)]
    if any(_within(name, base) or _expands_into(name, base) for base in excluded):
        return False
    return not permitted or any(_within(name, base) for base in permitted)


def _within(name: x509.GeneralName, base: x509.GeneralName) -> bool:
    match name, base:
        case x509.DNSName(), x509.DNSName():
            return _below(name.value.lower(), base.value.lower())
        case x509.UniformResourceIdentifier(), x509.UniformResourceIdentifier():
            return _uri_below((urlsplit(name.value).hostname or "").lower(), base.value.lower())
        case x509.IPAddress(), x509.IPAddress():
            return name.value.version == base.value.version and name.value in ip_network(base.value)
        case x509.DirectoryName(), x509.DirectoryName():
            return name.value.rdns[: len(base.value.rdns)] == base.value.rdns
    return False


def _below(name: str, base: str) -> bool:
    if not base or base.startswith("."):
        return name.endswith(base)
    return name == base or name.endswith("." + base)


def _uri_below(name: str, base: str) -> bool:
    """For URIs a constraint without a leading dot is one host, not a subtree."""
    return name.endswith(base) if base.startswith(".") else name == base


def _expands_into(name: x509.GeneralName, base: x509.GeneralName) -> bool:
    """Whether a wildcard name also stands for names that `base` covers."""
    if not isinstance(name, x509.DNSName) or not isinstance(base, x509.DNSName) or not name.value.startswith("*."):
        return False
    return _below(base.value.lower().removeprefix("."), name.value[2:].lower())
