"""The capture of every kind of exchange, in every format: valid by its schema, read by whoever it is for, and replayed.

The replay has no network. It is asked in other words, twice over, and once for what nobody has recorded.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import vcr
import yaml
from mitmproxy.io import FlowReader

from capture.formats.schemas import HAR, MAPPING, SIMULATION, faults
from docpages.recipes import WIREMOCK, needs
from e2e import exchanged
from e2e.test_every_kind import (
    Run,
    run,  # noqa: F401 (a fixture)
)
from e2e.test_replay import CUT, ENVIRONMENT
from e2e.wiremock import WireMock
from outgate.capture.formats.writing import OF_THE_WIRE, authority
from outgate.capture.reading import Capture
from outgate.redact.redacted import Redacted


def records(run: Run) -> list[Redacted]:  # noqa: F811
    return list(Capture(run.folder / "ndjson"))


def answered(run: Run) -> list[Redacted]:  # noqa: F811
    """Those that a cassette or a stub can have."""
    kept = [each for each in records(run) if each.exchange.response and not each.exchange.messages]
    return [each for each in kept if each.exchange.response and each.exchange.response.body.content is not None]


def test_har_is_valid_and_has_all_of_them(run: Run) -> None:  # noqa: F811
    har = json.loads((run.folder / "har").read_bytes())
    assert faults(har, HAR) == []
    assert len(har["log"]["entries"]) == len(exchanged.NAMES)


def test_mitmproxy_reads_the_flows(run: Run) -> None:  # noqa: F811
    with (run.folder / "flow").open("rb") as file:
        flows = list(FlowReader(file).stream())
    assert len(flows) == len(exchanged.NAMES)
    assert [flow for flow in flows if flow.modified()] == []


def test_stubs_are_valid(run: Run) -> None:  # noqa: F811
    mappings = [json.loads(path.read_bytes()) for path in (run.folder / "wiremock").glob("*/mappings/*.json")]
    assert [fault for mapping in mappings for fault in faults(mapping, MAPPING)] == []
    assert len(mappings) == len(answered(run))
    simulation = json.loads((run.folder / "hoverfly").read_bytes())
    assert faults(simulation, SIMULATION) == []
    assert len(simulation["data"]["pairs"]) == len(answered(run))


def test_vcrpy_replays_its_cassette(run: Run, tmp_path: Path) -> None:  # noqa: F811
    cassette = tmp_path / "cassette.yaml"
    cassette.write_bytes((run.folder / "vcr").read_bytes())
    interactions = yaml.safe_load(cassette.read_text())["interactions"]
    assert len(interactions) == len(answered(run))
    wanted = ["method", "scheme", "host", "port", "path", "query"]
    with vcr.use_cassette(str(cassette), record_mode="none", match_on=wanted) as played:
        for kept in answered(run):
            assert asked(kept) == (kept.exchange.response.status, kept.exchange.response.body.content)  # type: ignore[union-attr]
        assert played.all_played


@needs("java", beside=(WIREMOCK,))
def test_wiremock_answers_as_recorded(run: Run) -> None:  # noqa: F811
    assert [name for root in sorted((run.folder / "wiremock").iterdir()) for name in strayed(run, root)] == []


def strayed(run: Run, root: Path) -> list[str]:  # noqa: F811
    """What the WireMock of one host answers otherwise than it was recorded, by its target."""
    found = []
    with WireMock(root) as port:
        for kept in answered(run):
            request, response = kept.exchange.request, kept.exchange.response
            assert request is not None
            assert response is not None
            here = re.sub(r"[^\w.-]", "_", authority(request)) == root.name
            if here and asked(kept, ("127.0.0.1", port)) != (response.status, response.body.content):
                found.append(request.target)
    return found


def asked(kept: Redacted, at: tuple[str, int] | None = None) -> tuple[int, bytes]:
    """Of a host that nobody knows, by the standard library's client."""
    request = kept.exchange.request
    assert request is not None
    url = urlsplit(f"http://{request.host}{request.target}")
    gone = OF_THE_WIRE | {b"host", b"content-encoding"}
    fields = {name.decode(): value.decode("latin-1") for name, value in request.fields if name.lower() not in gone}
    with closing(http.client.HTTPConnection(*at or (request.host, request.port))) as connection:
        connection.request(
            request.method, url.path + (f"?{url.query}" if url.query else ""), request.body.content or None, fields
        )
        response = connection.getresponse()
        return response.status, response.read()


@pytest.mark.netns
@pytest.mark.parametrize("form", ["all", "ndjson", "har", "flow"])
def test_every_exchange_is_answered_as_recorded_in_other_words_twice_over(run: Run, form: str) -> None:  # noqa: F811
    command = ["unshare", "--net", "sh", "-c", CUT, "sh", sys.executable, "-m", "e2e.replayed", form, "ndjson"]
    done = subprocess.run(
        command, cwd=run.folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    unknown = told.pop("unknown")
    assert told.pop("asked") == len(answered(run)) + 1
    left_out = len(records(run)) - len(answered(run)) - 1
    assert told == {"strayed": [], "missed": [], "unused": left_out, "reaches": False}
    assert unknown["status"] == 599
    assert {"place": "query.more", "recorded": None, "asked": '"1"'} in unknown["difference"]
