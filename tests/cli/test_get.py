"""`get`, `status` and `log-level` ask a running gate, which is real here, and say why where it does not answer."""

import json
import re
import shutil
import socket
import socketserver
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from acting import acting_as
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from outgate.cli.main import outgate

LIMIT = 10.0
POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {{name: mesh}}
spec: {{mode: REGISTRY_ONLY}}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata:
  name: echo
  annotations: {{outgate.dev/owner: "team | one", outgate.dev/purpose: "answers"}}
spec:
  hosts: [echo.example]
  endpoints: [{{address: 127.0.0.1, port: {port}}}]
  ports: [{{number: 7000, protocol: TCP}}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {{name: slow}}
spec:
  hosts: [slow.example]
  endpoints: [{{address: 127.0.0.1, port: {silent}}}]
  ports: [{{number: 80, protocol: HTTP}}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {{name: idle, annotations: {{outgate.dev/owner: nobody}}}}
spec:
  hosts: [idle.example]
  exportTo: [prod]
  expires: 2199-01-01
  ports: [{{number: 443, protocol: HTTPS}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: entry
  annotations: {{outgate.dev/owner: mesh team}}
spec:
  hosts: [entry.example]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: DNS
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {{name: no-deleting}}
spec: {{action: DENY, to: [{{hosts: [entry.example], ports: [80], methods: [DELETE]}}]}}
"""


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        with suppress(OSError):
            while data := self.request.recv(1024):
                self.request.sendall(data)


class Silent(socketserver.BaseRequestHandler):
    """Takes everything, and answers nothing."""

    def handle(self):
        with suppress(OSError):
            while self.request.recv(1024):
                pass


@pytest.fixture(scope="module")
def pki():
    made = world.make_pki()
    yield made
    world.remove_pki(made)


@contextmanager
def serving(handler):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def echo():
    with serving(Echo) as port:
        yield port


@pytest.fixture(scope="module")
def policy(echo):
    with serving(Silent) as silent:
        yield POLICY.format(port=echo, silent=silent)


@contextmanager
def running(pki, policy, state):
    with LoopbackGate(policy, pki, settings={"state_dir": state}) as gate:
        yield gate


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("gate") / "state"


@pytest.fixture(scope="module")
def gate(pki, policy, state):
    with running(pki, policy, state) as made:
        yield made


def run(gate, *arguments):
    host, port = gate.admin_address
    return CliRunner().invoke(
        outgate, [*arguments, "--admin", f"{host}:{port}"], prog_name="outgate", catch_exceptions=False
    )


def data(gate, *arguments):
    result = run(gate, *arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@contextmanager
def tunnel(gate, target):
    """An open tunnel through the gate."""
    with socket.create_connection(gate.address, LIMIT) as client:
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        assert client.recv(1024).startswith(b"HTTP/1.1 200")
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        yield client


def denied(gate, target):
    with socket.create_connection(gate.address, LIMIT) as client:
        client.sendall(f"GET http://{target}/ HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n".encode())
        with client.makefile("rb") as answer:
            assert b"unregistered" in answer.read()


def until(done):
    deadline = time.monotonic() + LIMIT
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def last_use(gate):
    return {each["name"]: each["last_use"] for each in data(gate, "get", "destinations")["destinations"]}


def test_status_says_what_is_in_force_and_how_it_goes(gate):
    denied(gate, "other.example")
    until(lambda: data(gate, "status")["counts"].get("denied_unregistered"))
    result = run(gate, "status")
    assert result.exit_code == 0
    told = dict(re.findall(r"^  (\S+(?: \S+)*?) {2,}(.*)$", result.stdout, re.MULTILINE))
    assert result.stdout.splitlines()[0].endswith("is ready")
    assert told["policy"].endswith("REGISTRY_ONLY, 4 destinations")
    assert re.fullmatch(r"\d+ s ago, generation 1", told["loaded"])
    assert re.fullmatch(r"[1-9]\d*: .*unregistered \d+.*", told["denied"])
    assert told["access log"] == "0 lines lost"
    assert data(gate, "status")["ready"] is True


def test_listeners(gate):
    told = data(gate, "get", "listeners")
    assert told["places"] == ["{}:{}".format(*gate.address)]
    lines = run(gate, "get", "listeners").stdout.splitlines()
    assert lines[0].split() == ["LISTENS", "MODE", "OPEN", "CONNECTIONS", "AT", "MOST"]
    assert lines[1].split()[:2] == ["{}:{}".format(*gate.address), "regular"]


def test_destinations_have_owners_purposes_and_expiry(gate):
    found = {each["name"]: each for each in data(gate, "get", "destinations")["destinations"]}
    assert {name: (each["owner"], each["purpose"]) for name, each in found.items()} == {
        "echo": ("team | one", "answers"),
        "slow": ("", ""),
        "idle": ("nobody", ""),
        "entry": ("mesh team", ""),
    }
    table = run(gate, "get", "destinations").stdout
    assert re.search(
        r"^default/idle +idle\.example +443 HTTPS +nobody +- +2199-01-01 +never +\S+policy.yaml:\d+$", table, re.M
    )


def test_an_inventory_in_markdown(gate):
    lines = run(gate, "get", "destinations", "-o", "markdown").stdout.splitlines()
    assert lines[0] == "# Destinations"
    assert lines[2].startswith("| destination | hosts | ports | owner | purpose |")
    assert lines[3] == "| --- | --- | --- | --- | --- | --- | --- | --- |"
    row = next(line for line in lines if line.startswith("| default/echo |"))
    assert r"| team \| one | answers |" in row
    assert lines[-1].startswith("last use is known since ")


def test_what_a_caller_has(gate):
    def names(*arguments):
        return {each["name"] for each in data(gate, "get", "destinations", *arguments)["destinations"]}

    assert names("--as", "prod/web") == {"echo", "slow", "idle", "entry"}
    assert names("--as", "other/web") == {"echo", "slow", "entry"}
    result = run(gate, "get", "routes", "--as", "other/web")
    assert "idle.example" not in result.stdout
    assert result.stderr == "in namespace other, REGISTRY_ONLY: everything else is denied with 502\n"
    assert "idle.example" in run(gate, "get", "routes", "--as", "prod/web").stdout


def test_rules_endpoints_certificates_and_everything(gate, echo, pki):
    assert "host is one of entry.example and port is one of 80 and method" in run(gate, "get", "rules").stdout
    assert f"127.0.0.1:{echo}" in run(gate, "get", "endpoints").stdout
    assert "entry.example:80" in run(gate, "get", "endpoints").stdout
    assert str(pki.gate_ca.cert) in run(gate, "get", "certs").stdout
    assert json.loads(run(gate, "get", "config").stdout)["defaults"]["mode"] == "REGISTRY_ONLY"


def test_last_use_is_told_kept_across_a_restart_and_also_of_what_is_still_open(gate, pki, policy, state):
    begun = time.time()
    with tunnel(gate, "echo.example:7000"):
        first = until(lambda: last_use(gate)["echo"])
        assert first >= begun
        until(lambda: (last_use(gate)["echo"] or 0) > first)
    assert last_use(gate)["idle"] is None
    unused = run(gate, "get", "destinations", "--unused")
    assert "default/idle" in unused.stdout
    assert "default/echo" not in unused.stdout
    assert "default/echo" not in run(gate, "get", "destinations", "--unused", "--since", "1h").stdout
    assert "default/echo" in run(gate, "get", "destinations", "--unused", "--since", "2199-01-01").stdout
    until(lambda: data(gate, "get", "listeners")["connections"] == 0)
    before = data(gate, "get", "destinations")
    copied = state.with_name("copied")
    gate.stop()
    shutil.copytree(state, copied)
    gate.start()
    with running(pki, policy, copied) as second:
        after = until(lambda: (found := data(second, "get", "destinations"))["persisted"] and found)
        until(lambda: last_use(second)["echo"])
        assert after["since"] == before["since"]
        assert last_use(second)["echo"] == pytest.approx(last_use(gate)["echo"])


def test_a_request_that_is_not_answered_yet_is_in_use(gate):
    with socket.create_connection(gate.address, LIMIT) as client:
        client.sendall(b"GET http://slow.example/ HTTP/1.1\r\nHost: slow.example\r\n\r\n")
        first = until(lambda: last_use(gate)["slow"])
        until(lambda: last_use(gate)["slow"] > first)


def test_without_a_directory_it_counts_since_the_start_and_says_so(pki, policy):
    with LoopbackGate(policy, pki) as gate:
        result = run(gate, "get", "destinations", "--unused", "--since", "7d")
    assert "last use is known since the gate started, " in result.stderr
    assert "the setting state_dir keeps it across restarts" in result.stderr
    assert "what is listed may have been used before" in result.stderr


def test_more_is_logged_and_never_of_what_workloads_send(gate):
    result = run(gate, "log-level", "debug", "outgate.reload")
    assert (result.exit_code, result.stdout) == (0, "outgate.reload logs DEBUG and above\n")
    assert run(gate, "log-level", "DEFAULT", "outgate.reload").stdout == "outgate.reload logs as at the start\n"
    for name in ("mitmproxy", "h2", "hpack", "asyncio", "root", "outgate.relaod"):
        result = run(gate, "log-level", "DEBUG", name)
        assert (result.exit_code, result.stdout) == (1, "")
    assert 'did you mean "outgate.reload"?' in result.stderr


@pytest.mark.parametrize("command", [("status",), ("get", "routes"), ("log-level", "INFO")])
def test_nobody_there_exits_3(terminal, command):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for admin in (f"127.0.0.1:{port}", f"unix:{terminal.path}/none.sock"):
        result = terminal.run(*command, "--admin", admin)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr == f"Error: nobody listens at {admin}; start outgate run, or name its --admin\n"


def test_another_uid_is_not_answered_and_is_told_why(gate):
    assert run(gate, "status").exit_code == 0
    with acting_as(1000):
        result = run(gate, "status")
    assert result.exit_code == 3
    assert "does not answer: uid 1000 is neither the gate's nor root's; ask as the gate's own uid" in result.stderr


def test_a_socket_file_is_asked_too_and_not_by_another_uid(pki, policy):
    with ExitStack() as stack:
        flags = ("--admin", f"unix:{pki.folder}/admin.sock")
        gate = LoopbackGate(policy, pki, flags=flags)
        stack.enter_context(gate)
        asked = CliRunner().invoke(outgate, ["status", *flags], prog_name="outgate")
        assert asked.exit_code == 0, asked.output
        with acting_as(1000):
            asked = CliRunner().invoke(outgate, ["status", *flags], prog_name="outgate")
    assert asked.exit_code == 3
    assert "is open to the gate's own uid alone" in asked.stderr


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "what is not JSON"),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
            "knows no /status; it is no outgate, or one of another",
        ),
        (b"nonsense\r\n\r\n", "cannot be asked"),
        (b"", "cannot be asked"),
    ],
)
def test_what_is_no_gate_exits_3(terminal, answer, message):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)

        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        result = terminal.run("status", "--admin", f"127.0.0.1:{listener.getsockname()[1]}")
        thread.join(LIMIT)
    assert result.exit_code == 3
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get", "nothing"), "is not one of 'listeners', 'destinations'"),
        (("get", "certs", "--as", "a/b"), "--as is for destinations, routes, rules"),
        (("get", "routes", "--unused"), "--unused is for destinations"),
        (("get", "destinations", "--since", "7d"), "--since for --unused"),
        (("get", "destinations", "--unused", "--since", "soon"), '"soon" is no time; write 30m'),
        (("get", "routes", "--as", "a/b/c"), '"a/b/c" is not NAMESPACE/SERVICEACCOUNT'),
        (("get", "config", "-o", "markdown"), "config is JSON"),
        (("status", "--admin", "here"), '"here" is not an address'),
        (("status", "--admin", ""), "the admin endpoint is turned off"),
        (("log-level", "loud"), "is not one of"),
    ],
)
def test_wrong_usage_exits_2(terminal, arguments, message):
    result = terminal.run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_setting_names_the_endpoint_too(terminal):
    result = terminal.run("status", OUTGATE_ADMIN=f"unix:{Path(terminal.path)}/x.sock")
    assert f"nobody listens at unix:{terminal.path}/x.sock" in result.stderr
