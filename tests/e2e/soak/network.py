"""What goes wrong between the gate and an origin: connections that are reset, and such as only one side has.

Owns one nftables table of the world. Packets are counted before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from e2e.lab.namespaces import Lab

TABLE = "inet outgate_fault"
RESET = "reject with tcp reset"
HALF_OPEN = "tcp flags & syn != syn drop"
"""The gate has a connection, the origin never hears of it; what both had goes silent."""


@contextmanager
def broken(lab: Lab, addresses: Sequence[str], how: str) -> Iterator[None]:
    """Meanwhile segments for these addresses meet with this."""
    families = {4: "ip", 6: "ip6"}
    rules = [f"{families[ip_address(each).version]} daddr {each} meta l4proto tcp {how}" for each in addresses]
    lines = "\n".join(rules)
    _nft(lab, f"table {TABLE} {{ chain broken {{ type filter hook input priority 0;\n{lines}\n}}\n}}\n")
    try:
        yield
    finally:
        _nft(lab, f"delete table {TABLE}\n")


def _nft(lab: Lab, text: str) -> None:
    done = lab.run_in(lab.world, ["nft", "-f", "-"], input=text)
    if done.returncode:
        raise RuntimeError(f"nft failed: {done.stderr.strip()}")
