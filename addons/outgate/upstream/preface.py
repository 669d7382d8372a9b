"""What a connection begins with where its origin wants to know who is behind the gate: the PROXY protocol.

Owns its two forms. It stands before TLS, so a connection that begins with it is its workload's alone.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PROXIED = 0x21
"""Version 2, for somebody else."""
TCP4, TCP6 = 0x11, 0x21

type Place = tuple[str, int]


def preface(version: int, source: Place, destination: Place) -> bytes:
    """The header of a version, 1 or 2. An address that is none, as of a name that was dialled, is that of nobody."""
    ours, theirs = _address(source[0]), _address(destination[0])
    if ours.version != theirs.version:
        ours, theirs = _wide(ours), _wide(theirs)
    if version == 1:
        return f"PROXY TCP{ours.version} {ours} {theirs} {source[1]} {destination[1]}\r\n".encode()
    family = TCP4 if ours.version == 4 else TCP6
    body = ours.packed + theirs.packed + source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    return SIGNATURE + bytes((PROXIED, family)) + len(body).to_bytes(2, "big") + body


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return IPv4Address(0)


def _wide(address: IPv4Address | IPv6Address) -> IPv6Address:
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")
