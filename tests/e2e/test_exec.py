"""`outgate exec` in a lab: real clients, real TLS, and every way out that a command could try.

As root, and as a user who has to make do with user namespaces. The lab's pod is the machine: from it the world is open.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.lab import counters, world
from e2e.lab.gate import ADDONS, OUTGATE
from e2e.lab.namespaces import METADATA4, Lab
from e2e.lab.users import as_user
from outgate.capture.reading import Capture

pytestmark = pytest.mark.netns

USER = 1000
SEARCH = "/usr/bin:/usr/local/bin"
PYTHON = shutil.which("python3", path=SEARCH) or sys.executable
API4 = world.ADDRESSES["api"][0]
FORBIDDEN4, FORBIDDEN6 = world.ADDRESSES["forbidden"]
TELL = """
import socket, sys
def tell(what, act):
    try: print(what, "went:", act())
    except OSError as error: print(what, "refused:", type(error).__name__)
def udp(family, place):
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(2); made.connect(place); made.send(b"x"); return made.recv(9)
"""

type Exec = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A directory that every user may enter and write."""
    folder = Path(tempfile.mkdtemp(prefix="outgate-exec-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OUTGATE_", "SSL_", "JAVA_"))}
    return {**kept, "PYTHONPATH": ADDONS, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


def runner(lab: Lab, pki: world.OriginPki, home: Path, uid: int | None) -> Exec:
    """Runs `outgate exec` with the world's CA trusted, and gives what came of it."""

    def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        argv = [*OUTGATE, "exec", "--set", f"upstream_ca={pki.origin_ca.cert}", *words]
        return lab.run_in(lab.pod, argv, uid, **{"env": environment(home), "cwd": home, **more})

    return run


@pytest.fixture
def outgate(lab: Lab, origins: Any, origin_pki: world.OriginPki, home: Path) -> Exec:
    return runner(lab, origin_pki, home, None)


@pytest.fixture(params=[None, USER], ids=["root", "user"])
def both(request: pytest.FixtureRequest, lab: Lab, origins: Any, origin_pki: world.OriginPki, home: Path) -> Exec:
    """As root, then as somebody whose only power is that of a user namespace."""
    if request.param is not None and (why := no_user_namespaces()):
        pytest.skip(why)
    return runner(lab, origin_pki, home, request.param)


def no_user_namespaces() -> str:
    done = subprocess.run(as_user(USER, ["unshare", "-rn", "true"]), capture_output=True, text=True, check=False)
    return f"user namespaces cannot be made here: {done.stderr.strip()}" if done.returncode else ""


def rows(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """The summary: host and port to verdict and count."""
    found = re.findall(r"^  (\S+) +(\d+|-) +(allow|deny) +(\d+)", done.stderr, re.MULTILINE)
    return {(host, port): (verdict, count) for host, port, verdict, count in found}


# What is allowed.


CLIENTS = {
    "curl": "curl -sS --fail --max-time 10 -o /dev/null https://api.example/echo",
    "curl by IPv6": "curl -6 -sS --fail --max-time 10 -o /dev/null https://api.example/echo",
    "curl in the clear": "curl -sS --fail --max-time 10 -o /dev/null http://api.example/echo",
    "python3": """python3 -c 'import urllib.request as r; r.urlopen("https://api.example/echo")'""",
    "node": """node -e 'fetch("https://api.example/echo").catch(() => process.exit(1))'""",
    "git": "git ls-remote https://api.example/git main >/dev/null",
}


def test_clients_reach_what_is_allowed_with_tls_verified(both, origins, home):
    """And nothing is left behind of what made them trust the gate."""
    here = [client for client in CLIENTS if shutil.which(client.split()[0], path=SEARCH)]
    steps = [f"{CLIENTS[client]} && echo '{client}'" for client in here]
    before = sorted(os.listdir(home))
    script = f'PATH={SEARCH}:$PATH\n{chr(10).join(steps)}\nls "$(dirname "$SSL_CERT_FILE")" >&2'
    done = both("--allow", "api.example", "--", "sh", "-c", script)
    assert done.stdout.splitlines() == here, done.stderr
    assert rows(done)["api.example", "443"][0] == rows(done)["api.example", "80"][0] == "allow"
    assert {seen["server"] for seen in origins.records("request")} == {"api-plain", "api"}
    assert "ca-bundle.pem" in done.stderr
    assert "key" not in done.stderr
    assert sorted(os.listdir(home)) == before


def test_an_origin_that_is_not_who_it_should_be_is_not_reached(outgate):
    command = "curl -sS --max-time 10 -o /dev/null -w '%{http_code}' https://wrong.example/"
    done = outgate("--allow", "wrong.example", "--", "sh", "-c", command)
    assert done.stdout == "502"
    assert "identity_failed" in done.stderr


def test_bytes_that_name_no_host_reach_the_name_that_was_looked_up(outgate):
    """Two hosts on one port: the address that the resolver gave tells which is meant."""
    program = (
        "import socket; s = socket.create_connection((%r, 7000), 10); s.sendall(b'ping'); print(s.recv(4)); s.close()"
    )
    allowed = ("--allow", "one.example:7000", "--allow", "tcp.example:7000")
    done = outgate(*allowed, "--", PYTHON, "-c", program % "tcp.example")
    assert done.stdout.strip() == "b'ping'", done.stderr
    assert rows(done) == {("tcp.example", "7000"): ("allow", "1")}


def test_a_policy_is_applied_and_a_host_is_added_to_it(outgate, home):
    folder = home / "rules"
    folder.mkdir(exist_ok=True)
    spec = "hosts: [api.example]\n  ports: [{number: 80, protocol: HTTP}]"
    head = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {name: api}"
    (folder / "a.yaml").write_text(f"{head}\nspec:\n  {spec}\n", encoding="utf-8")
    curl = "curl -sS -o /dev/null -w '%{http_code} '"
    ask = f"for h in api.example one.example:8080 forbidden.example; do {curl} http://$h/; done"
    done = outgate("--policy", str(folder), "--allow", "one.example:8080", "--", "sh", "-c", ask)
    assert done.stdout.split()[:2] == ["200", "200"], done.stderr
    verdicts = {host: verdict for (host, _), (verdict, _) in rows(done).items()}
    assert verdicts == {"api.example": "allow", "one.example": "allow", "forbidden.example": "deny"}


def test_allow_any_passes_and_tells(outgate):
    ask = f"curl -sS -m 10 -o /dev/null -w '%{{http_code}} ' http://forbidden.example/ http://{METADATA4}/"
    done = outgate("--allow-any", "--", "sh", "-c", ask.replace("/ http", "/ -o /dev/null http"))
    assert done.stdout.split() == ["200", "403"], done.stderr
    assert rows(done)["forbidden.example", "80"][0] == "allow"


# What is not.


def test_everything_else_is_refused_and_told(both, origins, lab):
    if counters.available():
        before = [lab.packets(address) for address in (FORBIDDEN4, FORBIDDEN6, METADATA4, API4)]
    script = f"""{TELL}
tell("name", lambda: socket.getaddrinfo("forbidden.example", 443))
tell("literal", lambda: socket.create_connection(("{FORBIDDEN4}", 443), 5).sendall(b"x" * 9) or 1)
tell("udp", lambda: udp(socket.AF_INET, ("{FORBIDDEN4}", 443)))
tell("udp6", lambda: udp(socket.AF_INET6, ("{FORBIDDEN6}", 443)))
tell("dns", lambda: udp(socket.AF_INET, ("10.77.0.1", 53)))
tell("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
tell("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
tell("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
tell("listener", lambda: socket.create_connection(("127.0.0.1", 15001), 5))
"""
    ask = f"curl -s -m 5 http://{METADATA4}/latest; curl -sk -m 5 https://{FORBIDDEN4}/; curl -s -m 5 http://{API4}/"
    done = both("--allow", "api.example", "--", "sh", "-c", f"""{PYTHON} -c '{script}'; {ask}; exit 9""")
    assert done.returncode == 9, done.stderr
    told = dict(re.findall(r"^(\w+) (went|refused)", done.stdout, re.MULTILINE))
    assert told.pop("literal") == "went"  # accepted by the gate, which then waits to hear what is spoken
    assert set(told.values()) == {"refused"}, done.stdout
    assert len(told) == 8
    assert done.stdout.count('"code": "unregistered"') == 3
    assert origins.records("connection") == []
    if counters.available():
        assert [lab.packets(address) for address in (FORBIDDEN4, FORBIDDEN6, METADATA4, API4)] == before
    summary = rows(done)
    assert summary["forbidden.example", "-"] == ("deny", "1")
    assert summary[FORBIDDEN4, "443"][0] == summary[METADATA4, "80"][0] == summary[API4, "80"][0] == "deny"
    assert "--allow forbidden.example" in done.stderr


def test_a_registered_host_on_another_port_is_refused_by_name(outgate, origins):
    done = outgate("--allow", "api.example:443", "--", "curl", "-sS", "-m", "5", "http://api.example/")
    assert '"code": "port_unregistered"' in done.stdout, done.stderr
    assert "to allow what was not registered: --allow api.example\n" in done.stderr
    assert origins.records("connection") == []


def test_the_command_has_no_power_over_its_network_and_no_way_back(both, lab, home):
    """A socket file of somebody else is one: what listens there acts outside on the command's word."""
    place = home / "engine.sock"
    script = f"""
    ip link set lo down && echo out
    iptables -w -F && echo out
    nsenter -t $PPID -n true && echo out
    nsenter -t 1 -n true && echo out
    umount /etc/resolv.conf && echo out
    echo x > /proc/sys/kernel/core_pattern && echo out
    {PYTHON} -c "import socket; socket.socket(socket.AF_UNIX).connect('{place}')" && echo out
    head -1 /etc/resolv.conf
    """
    with listening(lab, place):
        done = both("--allow", "api.example", "--", "sh", "-c", script)
    assert done.stdout.splitlines() == ["nameserver 127.0.0.1"], done.stderr


@contextmanager
def listening(lab: Lab, place: Path) -> Iterator[None]:
    """Somebody in the pod who listens at a socket file that is everybody's."""
    with lab.enter(lab.pod):
        listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(str(place))
        listener.listen()
        place.chmod(0o777)
        yield
    place.unlink()


def test_descriptors_from_outside_lead_nowhere(outgate, lab):
    """A connected socket that the caller passes on would be a way out that no namespace closes."""
    with lab.enter(lab.pod):
        opened = socket.create_connection((FORBIDDEN4, 80), 5)
    number = opened.fileno()
    script = f"ls /proc/self/fd; echo hello >&{number}"
    with opened:
        done = outgate("--allow", "api.example", "--", "sh", "-c", script, pass_fds=(number,))
    assert str(number) not in done.stdout.split()
    assert done.returncode != 0


# Codes and signals.


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["no-such-command"], 127),
        (["/etc/passwd"], 126),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_exit_codes_are_the_commands_or_a_shells(outgate, words, code):
    done = outgate("--allow", "api.example", "--", *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_gate_reaches_the_command(lab, origin_pki, home, number):
    script = f"trap 'echo got; exit 5' {number.name.removeprefix('SIG')}; echo ready; while :; do sleep 0.1; done"
    argv = [*OUTGATE, "exec", "--allow", "api.example", "--", "sh", "-c", script]
    process = lab.popen_in(lab.pod, argv, env=environment(home), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.communicate(timeout=20)[0] == "got\n"
    assert process.returncode == 5


def test_what_the_terminal_sends_reaches_the_command_once(lab, home):
    count = """import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("ready", flush=True)
times = 0
while signal.sigtimedwait({signal.SIGINT}, 1 if times else 20):
    times += 1
sys.exit(times)
"""
    argv = [*OUTGATE, "exec", "--allow", "api.example", "--", PYTHON, "-c", count]
    terminal, its = os.openpty()
    try:
        options = {"env": environment(home), "stdin": its, "stdout": subprocess.PIPE, "text": True}
        process = lab.popen_in(lab.pod, ["setsid", "--ctty", "--wait", *argv], **options)
        assert process.stdout.readline() == "ready\n"
        os.write(terminal, b"\x03")
        assert process.wait(20) == 1
    finally:
        os.close(terminal)
        os.close(its)


def test_the_command_ends_with_a_gate_that_is_killed(lab, home):
    argv = [*OUTGATE, "exec", "--allow", "api.example", "--", "sh", "-c", "echo $$; exec sleep 600"]
    process = lab.popen_in(lab.pod, argv, env=environment(home), stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


# Without namespaces.


def test_env_proxy_says_what_it_does_not_guarantee(outgate, origins):
    ask = "curl -sS -m 10 -o /dev/null -w '%{http_code} ' https://api.example/; curl -sS -m 5 http://forbidden.example/"
    done = outgate("--allow", "api.example", "--env-proxy", "--", "sh", "-c", ask + "; exit 4")
    assert done.returncode == 4, done.stderr
    assert done.stdout.startswith("200 ")
    assert '"code": "unregistered"' in done.stdout
    assert "forces none" in done.stderr
    assert rows(done) == {("api.example", "443"): ("allow", "1"), ("forbidden.example", "80"): ("deny", "1")}
    assert {seen["server"] for seen in origins.records("request")} == {"api"}


def test_what_a_command_did_is_kept_redacted(both: Exec, home: Path) -> None:
    file = home / f"capture-{os.urandom(4).hex()}"
    command = ["curl", "-sS", "-H", "Authorization: Bearer c4n4rybearer", "http://api.example/echo"]
    done = both("--allow", "api.example", "--capture", str(file), "--", *command)
    assert done.returncode == 0, done.stderr
    (kept,) = Capture(file)
    assert kept.exchange.request
    assert (kept.exchange.request.host, kept.exchange.request.target) == ("api.example", "/echo")
    assert kept.exchange.response
    assert kept.exchange.response.body.content
    assert "c4n4rybearer" not in repr(kept)
    assert "c4n4rybearer" in done.stdout
