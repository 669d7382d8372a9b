"""The demo's table, read back, and the rows that it has to show. For the tests of the demo and of what quotes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

HEADER = re.compile(r"what the application tried +(?=what happened)")
VERDICT = re.compile(r"(allow|deny) (\w+): (.*)")


@dataclass(frozen=True)
class Row:
    """One attempt: what was tried, what came of it, and the gate's verdict and code."""

    tried: str
    happened: str
    verdict: str
    code: str


def read(text: str) -> list[Row]:
    """The rows of the one table in `text`. Raises ValueError where there is none, or a row has no verdict."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if HEADER.match(line)), None)
    if start is None:
        raise ValueError(f"there is no table in:\n{text}")
    cuts = lines[start].index("what happened"), lines[start].index("why")
    cells: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.strip():
            break
        parts = [line[: cuts[0]], line[cuts[0] : cuts[1]], line[cuts[1] :]]
        if parts[0].strip():
            cells.append(["", "", ""])
        cells[-1] = [f"{before} {part.strip()}".strip() for before, part in zip(cells[-1], parts, strict=True)]
    return [_row(*texts) for texts in cells]


def _row(tried: str, happened: str, why: str) -> Row:
    found = VERDICT.fullmatch(why)
    if found is None:
        raise ValueError(f"no verdict for {tried}: {why}")
    return Row(tried, happened, found[1], found[2])


NAMESPACES = [
    Row("GET http://api.example/hello", "200", "allow", "registered"),
    Row("GET https://api.example/hello", "200", "allow", "registered"),
    Row(
        "GET http://partner.example/orders",
        "200, the origin saw the certificate of workload",
        "allow",
        "registered",
    ),
    Row("DELETE https://api.example/admin/users", "403 refused_by_rule", "deny", "refused_by_rule"),
    Row("GET http://forbidden.example/", "502 unregistered", "deny", "unregistered"),
    Row("GET https://forbidden.example/", "502 unregistered", "deny", "unregistered"),
    Row("GET https://pinned.example/ (pinned)", "200, the origin's own certificate", "allow", "registered"),
    Row("TCP tcp.example:7000", "answered 'ping'", "allow", "registered"),
    Row("TCP forbidden.example:22", "closed (ConnectionResetError)", "deny", "unregistered"),
    Row("GET http://169.254.169.254/latest", "502 unregistered", "deny", "unregistered"),
]

BYTES = "TCP forbidden.example:22"

LOOPBACK = [replace(row, happened="502 unregistered") if row.tried == BYTES else row for row in NAMESPACES]
"""A proxy's client names where its bytes are to go, and can be told why not."""
