"""One gate, every kind of exchange, a canary in every position: none is in any artefact, in whatever encoding.

The artefacts are the capture, its export in all formats, log lines, metrics and spans, in both modes of redaction. What
is no secret stays, and every body that is kept can still be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import re2
import zstandard
from click.testing import CliRunner

from e2e import exchanged
from e2e.documents import native, policy
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from e2e.test_capture import capture, counts, read
from outgate.capture.leaks.structure import of_flow, texts
from outgate.capture.leaks.views import Views
from outgate.cli.main import outgate
from outgate.redact.exchange import Exchange
from redact.test_pipeline import forms
from telemetry.receiver import over_http, until

FORMATS = ("har", "flow", "vcr", "hoverfly", "ndjson", "wiremock")
UNSEEN = {"json br", "json gzip, br", "json br, zstd", "json deflate", "bomb", "json broken", "unknown coding"}
"""Kinds whose codings no one can tell from the bytes, or that are sent without some of their canaries."""
TOLD = ("lines", "standard output", "standard error", "metrics", "spans")


@dataclass(frozen=True)
class Run:
    """What a gate has left, by the name of the artefact."""

    mode: str
    folder: Path
    statuses: Mapping[str, int]
    artefacts: Mapping[str, bytes]
    kept: Mapping[str, Exchange]


@pytest.fixture(scope="module", params=["DETECT", "ALLOW"])
def run(request: pytest.FixtureRequest, origin_pki: world.OriginPki, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp(request.param.lower())
    with exchanged.world() as around, over_http() as received:
        documents = policy(
            *around.documents,
            capture(folder / "all"),
            native("EgressRedaction", "mode", {"mode": request.param}),
            _telemetry(folder, received.endpoint),
        )
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint}
        with LoopbackGate(documents, origin_pki, environment=environment) as gate:
            statuses = exchanged.ask_everything(gate.address)
            until(lambda: counts(gate)["captures_written"] == len(exchanged.NAMES))
            metrics = gate.asked("/metrics").encode()
            gate.stop()
            until(lambda: received.traces)
            told = {
                "lines": (folder / "lines").read_bytes(),
                "standard output": gate.stdout().encode(),
                "standard error": gate.stderr().encode(),
                "metrics": metrics,
                "spans": b"\0".join(received.raw),
            }
    captured = {"capture": b"".join(map(_unpacked, sorted((folder / "all").iterdir())))}
    artefacts = {**told, **captured, **{form: exported(folder, form) for form in FORMATS}}
    return Run(
        request.param, folder, statuses, artefacts, exchanged.by_name([each.exchange for each in read(folder / "all")])
    )


def _telemetry(folder: Path, spans: str) -> dict[str, object]:
    names = ("authorization", "cookie", "x-note", "x-request-note", "referer")
    shown = {
        **{name: f"%REQ({name})%" for name in names},
        "path": "%REQ(:PATH)%",
        "location": "%RESP(location)%",
        "cookies": "%RESP(set-cookie)%",
        "trailer": "%TRAILER(x-checked)%",
        "token": "%QUERY_PARAM(token)%",
    }
    spec = {
        "logs": [{"to": "stdout"}, {"to": str(folder / "lines"), "encoding": "json", "fields": shown}],
        "traces": {"to": f"{spans}/v1/traces", "tags": [{"name": name, "header": name} for name in names]},
    }
    return native("EgressTelemetry", "everything", spec)


def _unpacked(path: Path) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())


def exported(folder: Path, form: str) -> bytes:
    """All that is written, and what flows have in content codings."""
    place = folder / form
    done = CliRunner().invoke(outgate, ["export", str(folder / "all"), "-f", form, "-o", str(place)])
    assert done.exit_code == 0, done.output
    if place.is_dir():
        return b"\0".join(path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file())
    return place.read_bytes()


def test_there_are_at_least_forty_and_all_of_them_passed(run: Run) -> None:
    assert len(exchanged.NAMES) >= 40
    assert run.kept.keys() == set(exchanged.NAMES)
    unusual = {name: status for name, status in run.statuses.items() if status != 200}
    assert unusual == {"denied": 502, "hung up": 503, "socket": 101}


@pytest.mark.parametrize("artefact", [*TOLD, "capture", *FORMATS])
def test_no_canary_is_in_an_artefact_in_any_encoding(run: Run, artefact: str) -> None:
    """By every form that one can have, and by whatever can be decoded of it."""
    content = run.artefacts[artefact]
    assert content
    seen = b"\0".join(view for _, view in Views().of(content))
    assert KNOWN.isdisjoint(CANARY.findall(seen))
    assert [pattern.search(content) for pattern in _patterns() if pattern.search(content)] == []


KNOWN = frozenset(canary.encode() for canary in exchanged.canaries())
CANARY = re.compile(rb"ghp_[0-9A-Za-z]{36}")


@cache
def _patterns() -> list[Any]:
    """All forms of all canaries, some thousands at once."""
    known = sorted({form for canary in exchanged.canaries() for form in forms(canary)})
    options = re2.Options()
    options.max_mem, options.encoding = 1 << 28, re2.Options.Encoding.LATIN1
    pieces = (known[at : at + 1000] for at in range(0, len(known), 1000))
    return [re2.compile(b"|".join(map(re2.escape, piece)), options) for piece in pieces]


@pytest.mark.parametrize(
    "number",
    [number for number, kind in exchanged.PLAIN.items() if kind.name not in UNSEEN],
    ids=lambda number: exchanged.PLAIN[number].name,
)
def test_canaries_were_sent_and_would_be_found(number: int) -> None:
    """The control: what is sent holds them all."""
    kind, request = exchanged.PLAIN[number], exchanged.asked(number)
    assert kind.exchange.response
    sent = b"\0".join((request.body.content or b"", repr(request).encode(), exchanged.written(kind.exchange.response)))
    seen = b"\0".join(view for _, view in Views().of(sent))
    assert {canary.encode() for canary in kind.canaries} <= {*CANARY.findall(seen)}


@pytest.mark.parametrize("kind", [kind for kind in exchanged.PLAIN.values() if kind.stays], ids=lambda kind: kind.name)
def test_what_is_no_secret_stays(run: Run, kind: exchanged.Kind) -> None:
    found = run.kept[kind.name]
    assert found.request
    assert found.response
    assert found.request.target.endswith("&page=2")
    if run.mode == "DETECT":
        content = found.response.body.content
        assert content is not None
        assert [stays for stays in kind.stays if stays not in content] == []


@pytest.mark.parametrize("kind", exchanged.PLAIN.values(), ids=lambda kind: kind.name)
def test_every_body_that_is_kept_can_be_read(run: Run, kind: exchanged.Kind) -> None:
    found = run.kept[kind.name]
    for message in (found.request, found.response):
        assert message
        assert message.body.content or message.body.missing or not kind.exchange.response.body.content  # type: ignore[union-attr]
        if message.body.content and kind.name not in ("graphql",):
            kind.reads(message.body.content)


def test_flows_hold_none_in_content_codings_either(run: Run) -> None:
    from outgate.capture.leaks.carriers import contents

    content, at, found = run.artefacts["flow"], 0, []
    while at < len(content):
        size = int(content[at : content.index(b":", at)])
        end = content.index(b":", at) + size + 2
        flow, at = of_flow(content[at:end]), end
        found += [*texts(flow), *contents(flow)]
    assert len(found) > 100
    seen = b"\0".join(view for _, view in Views().of(b"\0".join(found)))
    assert KNOWN.isdisjoint(CANARY.findall(seen))


def test_messages_of_the_websocket_are_there_without_their_secrets(run: Run) -> None:
    messages = run.kept["socket"].messages
    assert [each.from_client for each in messages] == [True, False, False]
    assert json.loads(messages[0].content)["n"] == 4
