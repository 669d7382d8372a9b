"""What is measured: every row with the traffic it makes and how the origin has to see it. Measures nothing."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1024 * 1024
CLIENT = "workload"
"""The common name of the certificate that origination shows; the load has none."""
ORIGINS = {
    "plain": "93.184.216.60",
    "origination": "93.184.216.60",
    "decrypted": "93.184.216.60",
    "tunnelled": "93.184.216.60",
    "h2": "93.184.216.61",
    "grpc": "93.184.216.61",
}
"""The address of each kind's host: one origin for HTTP/1, another for HTTP/2."""
NAMES = {f"{kind}.bench": address for kind, address in ORIGINS.items()}


@dataclass(frozen=True)
class Row:
    """`each` is how many requests a connection carries, 0 for all of them. `down` and `up` are MiB of a body."""

    name: str
    kind: str
    each: int = 0
    down: int = 0
    up: int = 0
    width: int = 8

    @property
    def host(self) -> str:
        return f"{self.kind}.bench"

    @property
    def tls(self) -> bool:
        return self.kind not in ("plain", "origination")

    @property
    def decrypted(self) -> bool:
        return self.kind in ("decrypted", "h2", "grpc")

    @property
    def megabytes(self) -> int:
        return self.down + self.up

    @property
    def seen(self) -> str:
        """How the origin counts a request of this row: by host, and by who asked."""
        by = {"plain": "plain", "origination": f"mutual {CLIENT}"}.get(self.kind, "tls")
        return f"{self.host} {by}"


def rows(megabytes: int) -> tuple[Row, ...]:
    """All of them, with bodies of `megabytes` in those that are about bodies."""
    size = megabytes
    return (
        Row("HTTP, keep-alive", "plain"),
        Row("TLS origination, keep-alive", "origination"),
        Row("HTTPS decrypted, keep-alive", "decrypted"),
        Row("HTTP/2 decrypted, 8 streams of a connection", "h2"),
        Row("gRPC decrypted, 8 unary calls of a connection", "grpc"),
        Row("TLS tunnelled, keep-alive", "tunnelled"),
        Row("HTTP, a connection a request", "plain", each=1),
        Row("TLS origination, a connection a request", "origination", each=1),
        Row("HTTPS decrypted, a connection a request", "decrypted", each=1),
        Row(f"{size} MB down over HTTP", "plain", down=size, width=1),
        Row(f"{size} MB up over HTTP", "plain", up=size, width=1),
        Row(f"{size} MB down over HTTPS decrypted", "decrypted", down=size, width=1),
        Row(f"{size} MB up over HTTPS decrypted", "decrypted", up=size, width=1),
    )


SCALE = (Row("HTTP, keep-alive", "plain"),)
"""For gates that differ in their registry or in the number of their workers."""
TOLD = (Row("HTTP, keep-alive", "plain"), Row("HTTPS decrypted, keep-alive", "decrypted"))
"""For gates that differ in what they tell of what they carry."""
LONG = Row("HTTPS decrypted, a connection for 100 requests", "decrypted", each=100)
HELD = Row("HTTP, idle connections", "plain")


def chosen(section: str, among: tuple[Row, ...], words: list[str]) -> tuple[Row, ...]:
    """Those whose `section: name` has one of the words in it, whatever their case; all where there are no words."""
    return tuple(row for row in among if not words or any(word.lower() in label(section, row) for word in words))


def label(section: str, row: Row) -> str:
    return f"{section}: {row.name}".lower()
