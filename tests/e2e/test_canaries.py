"""Secrets in every place of requests and answers stand in no output: no span, metric, line, label or page.

Every output is there at once, each showing whatever a document can have it show, and the gate logs all that it can.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from e2e import canaries
from e2e.documents import Document, native, policy
from e2e.lab import world
from e2e.lab.gate import UID, Gate
from e2e.lab.namespaces import Lab
from e2e.lab.origins import LabOrigins
from e2e.workload import Workload
from outgate.policy.telemetry_model import METRIC_ATTRIBUTES
from outgate.telemetry.operators import OPERATORS, compiled
from outgate.telemetry.showing import Showing
from telemetry.receiver import Received, over_grpc, over_http, until

pytestmark = [pytest.mark.netns, pytest.mark.slow]

PAGES = ("/metrics", "/calls", "/status", "/destinations", "/config", "/routes", "/rules", "/certs", "/listeners")
OF_FIELDS = ("REQ", "REQUEST_HEADER", "RESP", "RESPONSE_HEADER", "TRAILER", "RESPONSE_TRAILER")
TELLING = ("own lines", "text", "json", "typed json", "lines by OTLP", "spans")
"""Outputs that tell of each request."""
OUTPUTS = (*PAGES, *TELLING, "metrics by OTLP", "standard error")


def alone(name: str) -> bool:
    """Whether an operator takes no argument, or may do without."""
    try:
        compiled(name, None, None, Showing(environment={}))
    except ValueError:
        return False
    return True


def shown() -> dict[str, str]:
    """Everything that a format can have shown of a request."""
    by_name = {f"{each} {name}": f"%{each}({name})%" for each in OF_FIELDS for name in canaries.HEADERS}
    queries = {f"QUERY_PARAM {name}": f"%QUERY_PARAM({name})%" for name in (*canaries.QUERY, *canaries.ANSWERED)}
    more = {"facts": "%DYNAMIC_METADATA(outgate)%", "collector": "%ENVIRONMENT(OTEL_EXPORTER_OTLP_HEADERS)%"}
    return {name: f"%{name}%" for name in OPERATORS if alone(name)} | by_name | queries | more


def telemetry(folder: Path, spans: str, lines: str) -> Document:
    """Every sink, metrics with every attribute, and spans with every header."""
    text = " ".join(shown().values())
    logs = [
        {"to": "stdout"},
        {"to": str(folder / "text"), "format": text},
        {"to": str(folder / "json"), "encoding": "json", "fields": shown()},
        {"to": str(folder / "typed json"), "encoding": "typed_json", "fields": shown()},
        {"to": lines.replace("http", "otlp"), "format": text, "labels": shown()},
    ]
    tags = [{"name": f"header.{name}", "header": name} for name in canaries.HEADERS]
    tags += [{"name": f"format.{number}", "format": form} for number, form in enumerate(shown().values())]
    headers = [{"name": "authorization", "value": f"Bearer {canaries.COLLECTOR}"}]
    spec = {
        "logs": logs,
        "metrics": [{"set": {name.replace(".", "_"): name for name in sorted(METRIC_ATTRIBUTES)}}],
        "traces": {"to": f"{spans}/v1/traces", "headers": headers, "tags": tags},
    }
    return native("EgressTelemetry", "everything", spec)


@dataclass(frozen=True)
class Told:
    """What every output said, by its name, and what was to be in it."""

    outputs: Mapping[str, str]
    marks: list[str]
    origins: str


@pytest.fixture(scope="module")
def told(lab: Lab, standing_origins: LabOrigins, origin_pki: world.OriginPki) -> Iterator[Told]:
    """Everything is asked once; then the gate ends, so that all is written."""
    standing_origins.records.forget()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outgate-canaries-")))
        secret = folder / "secret"
        secret.write_text(canaries.INJECTED + "\n")
        for path in (folder, secret):
            shutil.chown(path, UID, UID)
        with lab.enter(lab.pod):
            received, lines = stack.enter_context(over_http()), stack.enter_context(over_grpc())
        documents = [*canaries.documents(origin_pki, secret), telemetry(folder, received.endpoint, lines.endpoint)]
        gate = stack.enter_context(Gate(lab, policy(*documents), origin_pki, environment=exporting(received)))
        workload = Workload(lab, origin_pki)
        talkative(gate, workload)
        flight = canaries.Flight(workload)
        flight()
        until(lambda: received.metrics)
        pages = {page: gate.asked(page) for page in PAGES}
        gate.stop()
        records = str(standing_origins.records())
        yield Told({**pages, **said(gate, folder), **arrived(received, lines)}, flight.marks, records)


def exporting(received: Received) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {canaries.COLLECTOR}",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }


def talkative(gate: Gate, workload: Workload) -> None:
    """Every logger says all that it may. Those of what exports are there once something was exported."""
    names = sorted(logging.root.manager.loggerDict)
    workload.curl("http://api.example/hello")
    until(lambda: "error" not in gate.admin("/log-level", "POST", {"level": "DEBUG", "logger": "urllib3"}))
    for name in names:
        gate.admin("/log-level", "POST", {"level": "DEBUG", "logger": name})


def said(gate: Gate, folder: Path) -> dict[str, str]:
    files = {name: (folder / name).read_text(encoding="utf-8") for name in ("text", "json", "typed json")}
    return {"own lines": gate.stdout(), "standard error": gate.stderr(), **files}


def arrived(received: Received, lines: Received) -> dict[str, str]:
    kinds = {"spans": received.traces, "metrics by OTLP": received.metrics, "lines by OTLP": lines.logs}
    return {name: "\n".join(map(str, messages)) for name, messages in kinds.items()}


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_secret_stands_in_an_output(told: Told, output: str) -> None:
    assert told.outputs[output]
    assert canaries.held(told.outputs[output]) == []


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_line_of_a_private_key_stands_in_an_output(told: Told, origin_pki: world.OriginPki, output: str) -> None:
    for key in (origin_pki.client.key, origin_pki.gate_ca.key):
        lines = [line for line in key.read_text().splitlines() if "-" not in line]
        assert lines
        assert [line for line in lines if line in told.outputs[output]] == []


@pytest.mark.parametrize("output", TELLING)
def test_every_request_was_told_of_and_its_secrets_are_marked(told: Told, output: str) -> None:
    """The control: where they would stand."""
    text = told.outputs[output]
    assert [mark for mark in told.marks if mark not in text] == []
    assert "REDACTED" in text


def test_the_secrets_were_sent(told: Told) -> None:
    """The control: what arrived at origins."""
    passed = [value for name, value in canaries.FIELDS.items() if name != "proxy-authorization"]
    sent = [*passed, *canaries.QUERY.values(), *canaries.TRAILERS.values(), canaries.INJECTED, canaries.MESSAGE]
    assert [value for value in sent if value not in unquote(told.origins)] == []


def test_loggers_said_all_that_they_may(told: Told) -> None:
    assert "DEBUG urllib3" in told.outputs["standard error"]
