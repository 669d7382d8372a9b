"""`replay` serves what it is given, says where, and at its end what was missed."""

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from capture.exchanges import sealed
from capture.formats.written import kinds
from outgate.capture.formats.har import HarWriter
from outgate.capture.record import write
from outgate.proxy.flowfile import FlowFileWriter

ADDONS = Path(__file__).parents[2] / "addons"
PATIENCE = 30.0
NEAREST = "GET https://api.example/b, which differs in path[0]"
KEPT = [sealed("https://api.example/a", answer=b"a"), sealed("https://api.example/b", answer=b"b")]


class Running:
    """A replay as a process."""

    def __init__(self, process):
        self.process = process
        self.said = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(PATIENCE)
        ready = next((line for line in self.said if line.startswith("ready: ")), None)
        assert ready is not None, self.said
        self.address = ready.split(" on ")[1].split(",")[0]
        self.ca = ready.rsplit(" ", 1)[1]

    def _read(self):
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            if line.startswith("ready: "):
                self._ready.set()
        self._ready.set()

    def get(self, path, host="api.example"):
        name, _, port = self.address.rpartition(":")
        connection = http.client.HTTPConnection(name, int(port), timeout=PATIENCE)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def end(self, number=signal.SIGTERM):
        """The exit code and the report."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code, self.said[self.said.index(next(line for line in self.said if line.startswith("ready"))) + 1 :]


@pytest.fixture
def running(terminal):
    processes = []

    def start(*arguments):
        command = [sys.executable, "-m", "outgate", "replay", "--listen", "127.0.0.1:0", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ADDONS)}
        process = subprocess.Popen(command, cwd=terminal.path, stderr=subprocess.PIPE, text=True, env=environment)
        processes.append(process)
        return Running(process)

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def capture(terminal):
    (terminal.path / "shop.ndjson").write_bytes(b"".join(map(write, KEPT)))
    return "shop.ndjson"


def test_it_answers_what_was_recorded_and_reports(running, capture):
    replay = running(capture)
    assert replay.said[0].startswith("ready: reverse on 127.0.0.1:")
    assert ", 2 exchanges of 1 host, CA /" in replay.said[0]
    assert replay.get("/a") == (200, b"a")
    status, body = replay.get("/c")
    assert status == 599
    assert json.loads(body)["outgate"]["difference"]
    code, report = replay.end()
    assert code == 0
    assert report == [
        "1 request answered, 1 miss, 1 recorded exchange not asked for",
        f"  missed: GET http://api.example/c: nothing was recorded for this method and address; nearest is {NEAREST}",
        "  not asked for: 2: GET https://api.example/b",
    ]
    assert not Path(replay.ca).exists()


@pytest.mark.parametrize(("paths", "expected"), [(("/a", "/b"), 0), (("/a",), 1), (("/a", "/b", "/c"), 1)])
def test_strict_fails_where_something_was_missed_or_not_asked_for(running, capture, paths, expected):
    replay = running(capture, "--strict")
    for path in paths:
        replay.get(path)
    assert replay.end(signal.SIGINT)[0] == expected


@pytest.mark.parametrize("make", [HarWriter, FlowFileWriter])
def test_har_and_flows_are_served_too(running, terminal, make):
    with (terminal.path / "file").open("wb") as out:
        writer = make(out)
        for kept in KEPT:
            writer.write(kept)
        writer.close()
    replay = running("file")
    assert replay.get("/b") == (200, b"b")


def test_options_reach_it(running, terminal):
    body = [sealed(f"https://api.example/a?page={page}", answer=str(page).encode()) for page in (1, 2)]
    (terminal.path / "shop.ndjson").write_bytes(b"".join(map(write, body)))
    replay = running("shop.ndjson", "--ignore", "page", "--ending", "error", "--timing", "--mode", "regular")
    assert "ready: regular" in replay.said[0]
    asked = [replay.get("http://api.example:443/a?page=7", "api.example:443") for _ in range(3)]
    assert [status for status, _ in asked] == [599] * 3
    assert "differs in scheme" in replay.end()[1][1]


def test_a_ca_that_is_there_is_used(running, terminal, capture):
    terminal.run("certs", "init")
    replay = running(capture)
    assert replay.ca == "certs/outgate-ca.crt"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no requests"),
        (b'{"log": {}}', "it has no log.entries, so it is no HAR"),
        (b"123", "it holds no flows of mitmproxy"),
        (b"hello", "it is no JSON"),
    ],
)
def test_what_cannot_be_served_says_why(terminal, content, message):
    (terminal.path / "file").write_bytes(content)
    result = terminal.run("replay", "file")
    assert result.exit_code == 2
    assert message in result.stderr


def test_wrong_places_say_what_is_wrong(terminal, capture):
    result = terminal.run("replay", capture, "--certs", "nowhere")
    assert (result.exit_code, "nowhere" in result.stderr) == (2, True)
    assert terminal.run("replay", "nowhere").exit_code == 2
    assert '"here" is not an address' in terminal.run("replay", capture, "--listen", "here").stderr


def test_a_port_that_is_taken_is_named(terminal, capture):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = terminal.run("replay", capture, "--listen", address)
    assert result.exit_code == 3
    assert f"cannot listen on {address}" in result.stderr


# Redirected, in a network namespace.

REDIRECTED = """
    set -e
    ip link set lo up
    ip address add 192.0.2.7/32 dev lo
    iptables -t nat -A OUTPUT -p tcp -d 192.0.2.7 -j REDIRECT --to-ports 15001
    "$1" -m outgate replay --mode transparent --listen 0.0.0.0:15001 --certs certs shop.ndjson 2>said &
    until grep -q ready said; do sleep 0.05; done
    curl -sS --resolve api.example:443:192.0.2.7 --cacert certs/outgate-ca.crt https://api.example/a
    curl -sS -o /dev/null -w ' %{http_code}' --resolve www.example:80:192.0.2.7 http://www.example/a
    kill $!
    wait $!
"""


@pytest.mark.netns
def test_redirected_connections_are_answered(terminal, capture):
    terminal.run("certs", "init")
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", REDIRECTED, "bash", sys.executable],
        cwd=terminal.path, env={**os.environ, "PYTHONPATH": str(ADDONS)}, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.stdout == "a 599", done.stderr


def test_every_kind_is_read_from_every_format(terminal, running):
    """The way through a file of each format, to an answer."""
    recorded = [kept for name, kept in kinds().items() if name in ("get", "gzip", "latin-1", "cookies")]
    for make in (HarWriter, FlowFileWriter):
        writer = make(out := io.BytesIO())
        for kept in recorded:
            writer.write(kept)
        writer.close()
        (terminal.path / "file").write_bytes(out.getvalue())
        replay = running("file")
        for kept in recorded:
            assert replay.get(kept.exchange.request.target)[0] == kept.exchange.response.status
        assert replay.end()[0] == 0
