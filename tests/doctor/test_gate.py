"""Checks of the gate's files and of the gate that runs: each finds what it is for."""

import http.server
import json
import socket
import threading
import time

import pytest

from outgate.doctor import gate
from outgate.doctor.finding import Outcome
from outgate.pki.authority import create_authority, save_authority
from outgate.policy.frontends import Setting

READY = {"ready": True, "reason": "", "policy": {"digest": "abc", "last_error": ""}, "connections": 2, "guard_trips": 0}


def outcomes(findings):
    return [finding.outcome for finding in findings]


@pytest.fixture
def pair(tmp_path):
    folder = tmp_path / "certs"
    folder.mkdir(mode=0o700)
    return save_authority(create_authority("test", 100), folder)


def test_a_good_ca_is_right(pair):
    assert outcomes(gate.authority(*pair)) == [Outcome.OK]


def test_a_ca_that_is_not_there_is_found(tmp_path):
    [finding] = gate.authority(tmp_path / "a.crt", tmp_path / "a.key")
    assert finding.outcome is Outcome.WRONG
    assert "outgate certs init" in finding.fix


@pytest.mark.parametrize(
    ("days", "told"), [(-3, "is not valid before"), (99, "the authority expires in 0 days"), (101, "expired on")]
)
def test_a_ca_that_is_not_valid_now_or_not_for_long_is_found(pair, days, told):
    findings = list(gate.authority(*pair, clock=lambda: time.time() + days * 86400))
    assert findings[0].outcome is Outcome.WRONG
    assert told in findings[0].what
    assert findings[0].fix


def test_a_key_that_others_may_read_is_found(pair):
    pair[1].chmod(0o644)
    [finding] = gate.authority(*pair)
    assert finding.outcome is Outcome.WRONG
    assert str(pair[1]) in finding.what


def test_a_pair_that_is_none_is_found(pair, tmp_path):
    _, other = save_authority(create_authority("other", 1), tmp_path / "other")
    [finding] = gate.authority(pair[0], other)
    assert finding.outcome is Outcome.WRONG
    assert "does not belong to" in finding.what


def test_roots_that_are_none_are_found(pair, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    found = list(gate.roots([pair[0], empty, tmp_path / "absent.pem"]))
    assert outcomes(found) == [Outcome.OK, Outcome.WRONG, Outcome.WRONG]


def test_no_policy_and_a_bad_one_are_found(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: a}\nspec: {mod: x}\n")
    assert outcomes(gate.policy((), Setting())) == [Outcome.WRONG]
    findings = list(gate.policy((bad,), Setting()))
    assert outcomes(findings) == [Outcome.WRONG]
    assert "bad.yaml:4:8" in findings[0].what


def test_a_policy_that_can_be_used_is_right_and_its_warnings_are_a_note(tmp_path):
    text = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: a}\nspec: {denyStatus: 403}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert outcomes(gate.policy((tmp_path,), Setting())) == [Outcome.NOTE, Outcome.OK]


def test_many_problems_are_counted(tmp_path):
    head = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: a}\nspec:\n"
    (tmp_path / "a.yaml").write_text(head + "".join(f"  wrong{number}: 1\n" for number in range(15)))
    findings = list(gate.policy((tmp_path,), Setting()))
    assert len(findings) == gate.SHOWN + 1
    assert findings[-1].what == "5 problems more"


@pytest.fixture
def endpoint():
    """An admin endpoint that tells what it is told to tell."""
    told = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            assert self.path == "/status"
            self.send_response(told.get("http", 200))
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}", told
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"ready": False, "reason": "draining"}, "it is not ready: draining"),
        ({"policy": {"last_error": "a.yaml:1:1: no\nmore"}}, "its last reload was refused: a.yaml:1:1: no"),
        ({"guard_trips": 3}, "3 failures inside it were contained"),
        ({"counts": {"log_dropped": 9}}, "9 lines of its log were lost"),
        (
            {"policy": {"cluster": {"age": 180.2, "reason": "meshes.kuma.io: it is away", "documents": 3}}},
            "it was last heard 180 s ago: meshes.kuma.io: it is away",
        ),
    ],
)
def test_what_a_running_gate_complains_of_is_found(endpoint, more, told):
    place, status = endpoint
    status.update(READY | more)
    found = [finding.what for finding in gate.admin(place) if finding.outcome is Outcome.WRONG]
    assert found == [told]


def test_a_gate_that_is_ready_is_right(endpoint):
    place, status = endpoint
    status.update(READY)
    assert outcomes(gate.admin(place)) == [Outcome.OK]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "documents of policy in it: 3"),
        ({"age": 4.0, "reason": "it is connecting again"}, "documents of policy in it: 3"),
        ({"absent": ["meshes.kuma.io"]}, "documents of policy in it: 3; not served: meshes.kuma.io"),
    ],
    ids=["now", "moments ago", "without a kind"],
)
def test_a_gate_that_follows_its_cluster_is_right(endpoint, more, told):
    place, status = endpoint
    cluster = {"age": 0, "reason": "", "documents": 3, "absent": [], **more}
    status.update(READY | {"policy": {"cluster": cluster}})
    found = list(gate.admin(place))
    assert outcomes(found) == [Outcome.OK, Outcome.OK]
    assert found[1].what == told


def test_a_gate_that_tells_nothing_to_us_or_is_not_there_is_a_note(endpoint, tmp_path):
    place, status = endpoint
    status.update(http=403)
    assert outcomes(gate.admin(place)) == [Outcome.NOTE]
    assert outcomes(gate.admin(f"unix:{tmp_path}/none")) == [Outcome.NOTE]
    assert outcomes(gate.admin("")) == [Outcome.NOTE]


def test_an_endpoint_at_a_socket_file_is_asked(tmp_path):
    place = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def serve():
            asking, _ = listener.accept()
            with asking:
                asking.recv(4096)
                body = json.dumps(READY).encode()
                asking.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

        thread = threading.Thread(target=serve)
        thread.start()
        assert outcomes(gate.admin(f"unix:{place}")) == [Outcome.OK]
        thread.join(10)
