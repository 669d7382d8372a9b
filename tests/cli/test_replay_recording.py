"""`replay --on-miss record` sends a miss through a gate, under a policy, redacts it and appends it to the capture."""

import http.server
import json
import threading

import pytest

from capture.exchanges import sealed
from cli.test_replay import running  # noqa: F401 (a fixture)
from e2e.documents import defaults, native, policy
from outgate.capture.files import CaptureFile
from outgate.capture.reading import Capture
from outgate.capture.record import write

SECRET = "correct-horse-7"


class Origin(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, and a secret."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"path": self.path, "password": SECRET}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.asked.append(self.path)

    def log_message(self, *_):
        pass


@pytest.fixture
def origin():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def documents(terminal, origin):
    host, port = origin.server_address
    upstream = {"port": port, "endpoints": [{"address": host, "port": port}]}
    ports = [{"number": 80, "protocol": "HTTP", "upstream": upstream}]
    known = native("EgressDestination", "api", {"hosts": ["api.example"], "resolution": "STATIC", "ports": ports})
    terminal.write("policy/all.yaml", policy(defaults(mode="REGISTRY_ONLY"), known))
    return "policy"


KEPT = sealed("http://api.example/known", answer=b"recorded")


@pytest.mark.parametrize("packed", [False, True])
def test_a_miss_is_answered_by_its_origin_and_recorded(running, terminal, origin, documents, packed):  # noqa: F811
    capture = terminal.path / "shop"
    if packed:
        capture.mkdir()
        file = CaptureFile(capture, 1e9)
        file.append(write(KEPT))
        file.close()
    else:
        capture.write_bytes(write(KEPT))
    replay = running("shop", "--on-miss", "record", "--policy", documents, "--strict")
    assert replay.get("/known") == (200, b"recorded")
    status, body = replay.get("/new?token=open-sesame")
    assert (status, json.loads(body)) == (200, {"path": "/new?token=open-sesame", "password": SECRET})
    code, report = replay.end()
    assert origin.asked == ["/new?token=open-sesame"]
    assert code == 1
    assert report[1] == "1 miss handed to the gate"
    known, new = [kept.exchange for kept in Capture(capture)]
    assert known == KEPT.exchange
    assert new.request.target.startswith("/new?token=tok_secret_")
    assert SECRET.encode() not in new.response.body.content
    again = running("shop")
    assert again.get("/new?token=open-sesame")[0] == 200
    assert again.end()[0] == 0
    assert len(origin.asked) == 1


def test_what_the_policy_refuses_goes_nowhere_and_is_not_recorded(running, terminal, origin, documents):  # noqa: F811
    (terminal.path / "shop").write_bytes(write(KEPT))
    replay = running("shop", "--on-miss", "record", "--policy", documents, "--mode", "regular")
    status, body = replay.get("http://other.example/", "other.example")
    assert (status, json.loads(body)["outgate"]["code"]) == (502, "unregistered")
    replay.end()
    assert origin.asked == []
    assert (terminal.path / "shop").read_bytes() == write(KEPT)


def test_whose_origin_nobody_knows_is_a_miss(running, terminal, origin, documents):  # noqa: F811
    (terminal.path / "shop").write_bytes(write(KEPT))
    replay = running("shop", "--on-miss", "record", "--policy", documents)
    assert replay.get("/new", "127.0.0.1")[0] == 599
    assert replay.end()[1][0].startswith("0 requests answered, 1 miss")
    assert origin.asked == []


def test_a_capture_may_begin_empty(running, terminal, origin, documents):  # noqa: F811
    (terminal.path / "shop").write_bytes(b"")
    replay = running("shop", "--on-miss", "record", "--policy", documents, "--mode", "regular")
    assert replay.get("http://api.example/new", "api.example")[0] == 200
    replay.end()
    assert len(list(Capture(terminal.path / "shop"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no policy is given"),
        (["--policy", "none"], 'the policy "none" does not exist'),
        (["--policy", "bad"], "bad.yaml"),
    ],
)
def test_a_policy_is_needed(terminal, arguments, message):
    (terminal.path / "shop").write_bytes(write(KEPT))
    terminal.write("bad/bad.yaml", "kind: Nothing\n")
    result = terminal.run("replay", "shop", "--on-miss", "record", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_har_cannot_be_appended_to(terminal, documents):
    terminal.write("shop.har", json.dumps({"log": {"entries": [HAR]}}))
    result = terminal.run("replay", "shop.har", "--on-miss", "record", "--policy", documents)
    assert result.exit_code == 2
    assert "shop.har is no capture; export it with -f ndjson" in result.stderr


HAR = {
    "startedDateTime": "2026-01-01T00:00:00Z",
    "request": {"method": "GET", "url": "http://api.example/", "headers": []},
    "response": {"status": 200, "headers": [], "content": {"text": "x"}},
}
