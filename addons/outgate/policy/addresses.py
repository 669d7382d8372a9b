"""Named kinds of IP address, and which of them may be dialled.

Owns the special-purpose ranges (the IANA registries, and the metadata services of the large clouds), the IPv4 address
inside an IPv6 one, and `Permit`. Knows no policy and resolves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from outgate.policy.model import Network

type Address = IPv4Address | IPv6Address


class Kind(StrEnum):
    """What an address is, by its own bits."""

    PUBLIC = "public"
    PRIVATE = "private"
    CGNAT = "cgnat"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"
    MULTICAST = "multicast"
    UNSPECIFIED = "unspecified"
    DOCUMENTATION = "documentation"
    RESERVED = "reserved"
    V4_MAPPED = "v4_mapped"
    NAT64 = "nat64"
    SIX_TO_FOUR = "six_to_four"
    TEREDO = "teredo"


METADATA_ADDRESSES = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # container credentials
        "169.254.170.23",  # pod identity agent
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "100.100.100.200",  # looks like CGNAT
        "168.63.129.16",  # looks public
        "192.0.0.192",
        "fd00:42::42",
    )
)

_RANGES: dict[Kind, tuple[str, ...]] = {
    Kind.UNSPECIFIED: ("0.0.0.0/8", "::/128"),
    Kind.LOOPBACK: ("127.0.0.0/8", "::1/128"),
    Kind.PRIVATE: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    Kind.CGNAT: ("100.64.0.0/10",),
    Kind.LINK_LOCAL: ("169.254.0.0/16", "fe80::/10"),
    Kind.MULTICAST: ("224.0.0.0/4", "ff00::/8"),
    Kind.DOCUMENTATION: ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
    Kind.V4_MAPPED: ("::ffff:0:0/96",),
    Kind.NAT64: ("64:ff9b::/96", "64:ff9b:1::/48"),
    Kind.SIX_TO_FOUR: ("2002::/16",),
    Kind.TEREDO: ("2001::/32",),
    Kind.RESERVED: ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4", "2001::/23"),
}
_TABLE: tuple[tuple[Network, Kind], ...] = tuple(
    sorted(
        ((ip_network(text), kind) for kind, texts in _RANGES.items() for text in texts),
        key=lambda row: -row[0].prefixlen,
    )
)
NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)
"""Of prefixes, as RFC 6052 has them."""
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")


@lru_cache(4096)
def classify(ip: Address) -> Kind:
    """The kind of an address. An IPv6 address that embeds an IPv4 one is named after how; see `unwrap`."""
    if ip in METADATA_ADDRESSES:
        return Kind.METADATA
    for network, kind in _TABLE:
        if ip.version == network.version and ip in network:
            return kind
    return Kind.PUBLIC if ip.version == 4 or ip in _GLOBAL_V6 else Kind.RESERVED


def unwrap(ip: Address, nat64: Iterable[IPv6Network] = ()) -> Address:
    """The IPv4 address that packets to this one end at, or the address itself.

    `nat64` adds a site's own prefixes, of the six lengths of RFC 6052.
    """
    if isinstance(ip, IPv4Address):
        return ip
    for prefix in (_NAT64, *nat64):
        if ip in prefix:
            return _embedded(ip, prefix)
    if ip in _COMPATIBLE and int(ip) > 1:  # 0 and 1 are addresses of their own
        return IPv4Address(int(ip))
    if (inner := ip.ipv4_mapped or ip.sixtofour) is not None:
        return inner
    return ip.teredo[1] if ip.teredo is not None else ip


@dataclass(frozen=True, slots=True)
class Permit:
    """Which addresses may be dialled: all of some kinds, and the networks that an entry names, whatever they are."""

    networks: tuple[Network, ...] = ()
    kinds: frozenset[Kind] = frozenset({Kind.PUBLIC})
    nat64: tuple[IPv6Network, ...] = ()

    def allows(self, ip: str | Address) -> bool:
        return not self.refusal(ip)

    def refusal(self, ip: str | Address) -> str:
        """Why an address may not be dialled; empty where it may. Raises `ValueError` for what is no address."""
        outer = ip_address(ip) if isinstance(ip, str) else ip
        inner = unwrap(outer, self.nat64)
        if any(named(outer, network) or named(inner, network) for network in self.networks):
            return ""
        kind = classify(inner)
        if kind in self.kinds:
            return ""
        inside = "" if inner == outer else f" ({inner} inside)"
        return f"{outer}{inside} is a {kind.replace('_', '-')} address, which no entry names"

    def beyond(self, nat64: tuple[IPv6Network, ...]) -> Permit:
        """The same permit where a site's own NAT64 has these prefixes."""
        return Permit(self.networks, self.kinds, nat64) if nat64 else self

    def naming(self, networks: Iterable[Network]) -> Permit:
        """The same permit with more networks named."""
        return Permit((*self.networks, *networks), self.kinds, self.nat64)


def named(ip: Address, network: Network) -> bool:
    """Whether a network holds an address of the same version."""
    if isinstance(ip, IPv4Address):
        return isinstance(network, IPv4Network) and ip in network
    return isinstance(network, IPv6Network) and ip in network


def as_routed(network: Network) -> Network:
    """A network in the form in which its addresses are compared: IPv4 in the notation of IPv6 is IPv4."""
    if not isinstance(network, IPv6Network) or not network.subnet_of(_MAPPED):
        return network
    return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED.prefixlen))


def _embedded(ip: IPv6Address, prefix: IPv6Network) -> Address:
    if prefix.prefixlen not in NAT64_LENGTHS:
        raise ValueError(f"{prefix} is not a NAT64 prefix; use a length of 32, 40, 48, 56, 64 or 96")
    packed = ip.packed
    start = prefix.prefixlen // 8
    octets = packed[start:] if start == 12 else (packed[start:8] + packed[9:])[:4]
    return IPv4Address(octets)


# NAT64 is what remains of a site's own prefix that nobody configured: what it leads to cannot be told.
_NEVER = {Kind.LOOPBACK, Kind.LINK_LOCAL, Kind.METADATA, Kind.UNSPECIFIED, Kind.MULTICAST, Kind.NAT64}

PUBLIC_ONLY = Permit()
INTERNAL = Permit(kinds=frozenset({Kind.PUBLIC, Kind.PRIVATE, Kind.CGNAT}))
PASSTHROUGH = Permit(kinds=frozenset(set(Kind) - _NEVER))
