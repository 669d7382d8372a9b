"""Whatever a workload or an origin writes into its messages, an access log has one line for each attempt."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from e2e.documents import Document, defaults, destination, native, policy
from e2e.http2_client import Client, request
from e2e.lab import world
from e2e.lab.gate import UID, Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload
from proxy.openings import handmade, server_names
from telemetry.receiver import until

pytestmark = pytest.mark.netns

HOSTILE = {
    "a line end": b'a\r\nFORGED "GET / HTTP/1.1" 200',
    "a bare line end": b'a\n{"verdict":"allow"}',
    "a bare carriage return": b"a\rFORGED",
    "an escape": b"\x1b[2J\x1b[31mred",
    "a control of eight bits": b"\x9b31m",
    "the same in UTF-8": "\u009b31m".encode(),
    "quotes": b'" 200 - "',
    "an end of JSON": b'"},{"verdict":"allow"}',
    "a backslash": b'\\"\\',
    "a change of direction": "\u202egnp.exe\u2066".encode(),
    "a line separator": "a\u2028b\u2029c".encode(),
    "NUL": b"a\x00b",
    "DEL": b"a\x7fb",
    "no UTF-8": b"\xff\xfe\xc3",
    "an operator": b"%REQ(AUTHORIZATION)%",
}
OPERATORS = {
    "header": "%REQ(X-EVIL)%",
    "agent": "%REQ(USER-AGENT)%",
    "path": "%REQ(:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "method": "%REQ(:METHOD)%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "query": "%QUERY_PARAM(q)%",
    "answer": "%RESP(X-EVIL)%",
    "why": "%LOCAL_REPLY_BODY%",
    "facts": "%DYNAMIC_METADATA(outgate)%",
}
TEXT = " ".join(f'"{operator}"' for operator in OPERATORS.values()) + " %RESPONSE_CODE%"
LINE = re.compile(rf'(?:"(?:[^"\\]|\\.)*" ){{{len(OPERATORS)}}}\d+')
FILES = ("text", "json", "typed", "native")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="outgate-lines-") as made:
        shutil.chown(made, UID, UID)
        yield Path(made)


def everywhere(folder: Path) -> Document:
    """Every format, each in a file, and the gate's own lines."""
    logs: list[Document] = [
        {"to": "stdout"},
        {"to": str(folder / "text"), "format": TEXT},
        {"to": str(folder / "json"), "encoding": "json", "fields": {**OPERATORS, "code": "%RESPONSE_CODE%"}},
        {"to": str(folder / "typed"), "encoding": "typed_json", "fields": {**OPERATORS, "code": "%RESPONSE_CODE%"}},
        {"to": str(folder / "native")},
    ]
    return native("EgressTelemetry", "everywhere", {"logs": logs})


@pytest.fixture(scope="module")
def gate(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki, folder: Path) -> Iterator[Gate]:
    documents = [
        defaults(mode="REGISTRY_ONLY"),
        destination("api.example", ports=("80/HTTP", "443/HTTPS")),
        destination("*.wild.example", ports=("80/HTTP", "443/TLS")),
        everywhere(folder),
    ]
    with Gate(lab, policy(*documents), origin_pki) as running:
        yield running


@pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
def test_each_attempt_is_one_line_in_every_format(
    gate: Gate, workload: Workload, origins: LabOrigins, folder: Path, evil: bytes
) -> None:
    before = len(gate.stdout().splitlines())
    attempts = sum(ask(workload, evil) for ask in (http1, http2, tls))
    until(lambda: len(gate.stdout().splitlines()) >= before + attempts)
    for name in FILES:
        until(lambda name=name: len(lines(folder, name)) >= before + attempts)
        told = lines(folder, name)[before:]
        assert len(told) == attempts, told
        for line in told:
            assert line.isprintable()
            assert LINE.fullmatch(line) if name == "text" else isinstance(json.loads(line), dict)


def lines(folder: Path, name: str) -> list[str]:
    """Of a file, as whatever reads lines sees them: any line end ends one."""
    path = folder / name
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def http1(workload: Workload, evil: bytes) -> int:
    """In a field, a path, a host, a method, and out of the origin's mouth. Returns how many attempts these were."""
    heads = [
        b"GET /field HTTP/1.1\r\nHost: api.example\r\nX-Evil: %b\r\nUser-Agent: %b" % (evil, evil),
        b"GET /path/%b?q=%b HTTP/1.1\r\nHost: api.example" % (evil, evil),
        b"GET / HTTP/1.1\r\nHost: %b" % evil,
        b"GET / HTTP/1.1\r\nHost: %b.wild.example" % evil,
        b"GET http://%b/ HTTP/1.1\r\nHost: api.example" % evil,
        b"G%bT / HTTP/1.1\r\nHost: api.example" % evil,
        b"GET /headers?x-evil=%b HTTP/1.1\r\nHost: api.example" % quote(evil).encode(),
    ]
    for head in heads:
        workload.get("api.example", head)
    return len(heads)


def http2(workload: Workload, evil: bytes) -> int:
    text = evil.decode("latin-1")
    asked = [
        request("api.example", "/field", x_evil=text, user_agent=text),
        request("api.example", f"/path/{text}?q={text}"),
        request(text),
        request(f"{text}.wild.example"),
    ]
    for fields in asked:
        with workload.dial("api.example", 80) as made:
            Client(made).ask(fields)
    return len(asked)


def tls(workload: Workload, evil: bytes) -> int:
    """As a name that is asked for, where TLS would be decrypted and where it is relayed."""
    names = {"api.example": evil, "a.wild.example": evil + b".wild.example"}
    for host, name in names.items():
        workload.say(host, handmade(server_names(name)), 443)
    return len(names)
