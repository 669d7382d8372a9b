"""The benchmark as it is run, in a very short form: every row measures something, and a wrong origin is noticed.

How fast anything was is not asserted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.lab.namespaces import unavailable

ROOT = Path(__file__).resolve().parents[1]
SHORT = [
    *("--rounds", "1", "--requests", "20", "--megabytes", "1"),
    *("--connections", "20", "--memory-requests", "200", "--settle", "0.1", "--exchanges", "1000"),
]
KINDS = (
    "origination, keep-alive",
    "grpc",
    "http, a connection",
    "1 mb up over https",
    "telemetry: http",
    "workers",
)


def bench(*flags):
    command = [sys.executable, str(ROOT / "bench" / "run.py"), *SHORT, *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture(scope="module")
def names():
    done = bench("--list")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def namespaces():
    if reason := unavailable():
        pytest.skip(reason)


def measured(text):
    """By section and row: the proxies that have a line with a number in it."""
    found, section, row = {}, "", ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("### "):
            row = line[4:]
        elif match := re.match(r"\| (\w[^|]+) \| \d", line):
            found.setdefault(f"{section}: {row}".lower(), []).append(match[1])
    return found


def test_the_rows_have_names_of_their_own(names):
    assert len(names) == len(set(names)) > 10


@pytest.mark.netns
@pytest.mark.slow
def test_every_kind_of_row_is_measured_beside_another_proxy(namespaces, names, tmp_path):
    """One of each; the others differ in numbers only."""
    done = bench("--rows", *KINDS, "--into", str(tmp_path))
    assert done.returncode == 0, done.stderr
    out = {f"proxies: {row}".lower() for row in re.findall(r"left out: (.+?): ", done.stderr)}
    found = measured(done.stdout)
    assert set(found) == {name for name in names if any(kind in name for kind in KINDS)} - out
    for proxies in found.values():
        assert any(name.startswith("outgate") for name in proxies)
        assert len(proxies) > 1
    for title in ("proxies", "telemetry", "workers"):
        assert (tmp_path / f"{title}.md").read_text() in done.stdout
        assert (tmp_path / f"{title}.svg").read_text().startswith("<svg")


@pytest.mark.netns
@pytest.mark.slow
def test_memory_is_read_idle_with_connections_and_after_requests(namespaces, tmp_path):
    done = bench("--rows", "memory", "--into", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = measured(done.stdout)
    assert set(found) == {"memory: 20 idle connections", "memory: 200 requests, a connection for 100"}
    assert all({"stock mitmdump", "outgate, 200 entries"} <= set(proxies) for proxies in found.values())


@pytest.mark.netns
@pytest.mark.slow
def test_what_a_capture_costs_is_measured_where_all_of_it_is_written(namespaces, tmp_path):
    done = bench("--rows", "capture: http, keep-alive", "--into", str(tmp_path))
    assert done.returncode == 0, done.stderr
    names = ["outgate, no capture", "outgate, all captured", "outgate, 10% captured"]
    assert measured(done.stdout)["capture: http, keep-alive"][:3] == names
    assert "promised" in (tmp_path / "capture.md").read_text()


@pytest.mark.netns
def test_a_part_alone_leaves_the_results_as_they_are(namespaces):
    results = ROOT / "bench" / "results"
    before = {path: path.stat().st_mtime_ns for path in results.iterdir()}
    assert bench("--rows", "proxies: http, keep-alive").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in results.iterdir()} == before


def script(text, *arguments):
    """Some of the benchmark's modules, whose names others have, too: apart."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "addons")}
    command = [sys.executable, "-c", f"import sys\nsys.path[:0] = ['bench', 'tests']\n{text}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


CHECK = """
from collections import Counter
from place import Place
from proxies import Proxy
from rows import rows
place = Place.__new__(Place)
row = next(row for row in rows(1) if row.kind == "origination")
class origins:
    def counts(): return Counter(eval(sys.argv[1]))
place.origins = origins
place.check(Proxy("some proxy"), row, Counter(), 20)
"""


LOST = """
from pathlib import Path
from captures import Kept
raise SystemExit(Kept(Path("captured"), float(sys.argv[1])).fault(int(sys.argv[2]), 1000, 8))
"""


@pytest.mark.parametrize(
    ("part", "written", "said"),
    [(1, 1000, ""), (1, 995, ""), (1, 900, "900 exchanges written of 1000"), (0.1, 100, ""), (0.1, 20, "20 exchanges")],
)
def test_a_capture_that_loses_exchanges_is_told_of(part, written, said):
    told = script(LOST, str(part), str(written)).stderr.strip()
    assert told.startswith(said)
    assert bool(told) is bool(said)


EXPORT = """
import exports
print(exports.tables(exports.ROWS, 1000))
"""


def test_the_memory_of_an_export_is_measured_where_all_of_it_is_written():
    done = script(EXPORT)
    assert re.findall(r"\| (har|ndjson) \| \d+ \| \d+", done.stdout) == ["har", "ndjson"], done.stderr


WEBHOOK = """
import webhook
print(webhook.tables(webhook.ROWS, 16))
"""


def test_the_webhook_is_asked_and_admits_with_the_sidecar():
    done = script(WEBHOOK)
    assert re.findall(r"\| (one|10) container.* \| \d+ \| [\d.]+ \| [\d.]+ \| 50", done.stdout) == ["one", "10"], (
        done.stderr
    )


DOCUMENTS = """
import loading
print(loading.tables(loading.ROWS, 200, rounds=1))
"""


def test_a_check_and_a_reload_are_measured_of_documents_that_can_be_used():
    done = script(DOCUMENTS)
    assert re.findall(r"### (.+)\n\n.+\n.+\n\| 20\d \| \d", done.stdout) == [
        "a check of all of them",
        "a reload of all of them",
    ], done.stderr


@pytest.mark.parametrize(
    ("counted", "fine"),
    [
        ({"origination.bench mutual workload": 20}, True),
        ({"origination.bench mutual workload": 19}, False),
        ({"origination.bench mutual workload": 40}, False),
        ({"origination.bench mutual somebody": 20}, False),
        ({"origination.bench tls": 20}, False),
        ({"origination.bench mutual workload": 20, "decrypted.bench tls": 1}, False),
    ],
)
def test_a_request_from_anybody_else_or_a_missing_one_ends_the_run(counted, fine):
    done = script(CHECK, repr(counted))
    assert (done.returncode == 0) is fine
    assert fine or "some proxy" in done.stderr


COMPARE = """
from contextlib import nullcontext
from proxies import Proxy
from rows import rows
from run import Section, compare
row = next(row for row in rows(1) if row.kind == "plain")
class Place:
    running = staticmethod(nullcontext)
    turn = staticmethod(lambda proxy: None)
    times = 0
    def measure(self, proxy, *_):
        self.times += proxy.name == sys.argv[1]
        if proxy.name == sys.argv[1] and self.times == 2:
            raise RuntimeError(f"{proxy.name}: the load failed")
        return {}
among = [Proxy("squid", rival=True), Proxy("stock"), Proxy("outgate")]
print(compare(Place(), Section("", among, (row,), ("stock",)), 3, None, None)[row.name])
"""


@pytest.mark.parametrize("failing", ["squid", "stock", "outgate"])
def test_a_rival_that_fails_leaves_a_gap_and_nobody_else_may(failing):
    done = script(COMPARE, failing)
    assert f"{failing}: the load failed" in done.stderr
    if failing == "squid":
        assert done.stdout.strip() == "{'stock': [{}, {}, {}], 'outgate': [{}, {}, {}]}"
    assert (done.returncode == 0) is (failing == "squid")


TOLD = """
from collections import Counter
from signals import Signals
print(Signals("outgate", float(sys.argv[1]), None, 0).fault(Counter(eval(sys.argv[2])), 10_000, 8))
"""


@pytest.mark.parametrize(
    ("sampling", "told", "fault"),
    [
        (1.0, {"spans": 10_000, "lines": 10_000, "points": 7}, ""),
        (1.0, {"spans": 9_992, "lines": 10_008, "points": 7}, ""),
        (1.0, {"spans": 9_000, "lines": 10_000, "points": 7}, "9000 spans for 10000 requests"),
        (1.0, {"spans": 20_000, "lines": 10_000, "points": 7}, "20000 spans"),
        (1.0, {"spans": 10_000, "lines": 9_000, "points": 7}, "9000 lines"),
        (1.0, {"spans": 10_000, "lines": 10_000}, "no metrics"),
        (0.1, {"spans": 1_050, "lines": 10_000, "points": 7}, ""),
        (0.1, {"spans": 1_250, "lines": 10_000, "points": 7}, "1250 spans"),
        (0.1, {"spans": 0, "lines": 10_000, "points": 7}, "0 spans"),
    ],
)
def test_telemetry_that_does_not_arrive_is_not_free_of_cost(sampling, told, fault):
    done = script(TOLD, str(sampling), repr(told))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(fault)
    assert fault or not done.stdout.strip()


COLLECT = """
import http.client, json, threading
from http.server import ThreadingHTTPServer
from collector import Collector
from outgate.telemetry.collector import read_export
from outgate.telemetry.exporting import Exports
from telemetry.happenings import denial, request
server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = "127.0.0.1:%d" % server.server_address[1]
variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{place}", "OTEL_SERVICE_NAME": "some, gate"}
exports = Exports(read_export(variables))
exports.start()
for event in (request(), request(), denial()):
    exports.tracer().observe(event)
exports.stop()
client = http.client.HTTPConnection(place)
client.request("GET", "/")
print(client.getresponse().read().decode())
"""


def test_the_collector_counts_what_workloads_asked_by_service():
    done = script(COLLECT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"some, gate": {"spans": 3}}


PROMISED = """
from report import Promise, promises
def rates(*found):
    return [{"requests": rate, "seconds": 1, "megabytes": 0} for rate in found]
found = {"a row": {"off": rates(100, 200, 100), "on": rates(95, 190, 50)}}
print(promises(found, [Promise("on", 0.9, "off"), Promise("on", 0.96, "off")]))
"""


def test_a_promise_that_is_missed_is_said():
    done = script(PROMISED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2:4] == [
        "| on, to off | 0.90 | 0.95 |",
        "| on, to off | 0.96 | 0.95, missed |",
    ]
