"""`mitmdump` and `mitmweb` with `-s addons/egress.py`: the same gate, or no process. Needs no namespaces.

Here is what only they have: addons beside the script, the script itself, options. Attacks are tried in every engine by
the tests that are marked `core`.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import Document, access, native, policy
from e2e.hosted import EGRESS, Hosted
from e2e.lab import world
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server

HERE = "127.0.0.1"
PROGRAMS = ("mitmdump", "mitmweb")
FAILING = """
class Failing:
    def requestheaders(self, flow):
        if "requestheaders" in flow.request.path:
            raise ValueError("deliberate")
    def server_connect(self, data):
        if self.path == "/server_connect":
            raise ValueError("deliberate")
        if self.path == "/address":
            data.server.address = ("127.0.0.1", 1)
        if self.path == "/via":
            data.server.via = ("http", ("127.0.0.1", 1))
    def responseheaders(self, flow):
        if "responseheaders" in flow.request.path:
            raise ValueError("deliberate")
    def request(self, flow):
        self.path = flow.request.path
        if self.path == "/path":
            flow.request.path = "/forbidden"
        if self.path == "/host":
            flow.request.host = "evil.example"
addons = [Failing()]
"""


@pytest.fixture(scope="module")
def local() -> Iterator[LocalOrigins]:
    with LocalOrigins([Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


def registry(origins: LocalOrigins) -> str:
    """Two hosts, and a path for nobody."""
    at = origins.address("plain")[1]
    port = {"number": 80, "protocol": "HTTP", "upstream": {"port": at, "endpoints": [{"address": HERE, "port": at}]}}

    def place(host: str) -> Document:
        spec = {"hosts": [host], "resolution": "STATIC", "ports": [port]}
        return native("EgressDestination", host.replace(".", "-"), spec)

    return policy(
        place("api.example"),
        place("never.example"),
        access("forbidden", action="DENY", rules=[{"to": [{"paths": ["/forbidden"]}]}]),
    )


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("failing") / "failing.py"
    path.write_text(FAILING)
    return path


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the script that may be edited; it finds outgate beside the original."""
    path = tmp_path_factory.mktemp("script") / "egress.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(EGRESS.parent)!r})\n{EGRESS.read_text()}")
    return path


@pytest.fixture(scope="module", params=PROGRAMS)
def gate(
    request: pytest.FixtureRequest, local: LocalOrigins, origin_pki: world.OriginPki, failing: Path, script: Path
) -> Iterator[Hosted]:
    settings = {"addons": failing, "connect_timeout": 2}
    with Hosted(request.param, registry(local), origin_pki, settings=settings, script=script) as running:
        yield running
        assert not running.process_ended()


@pytest.fixture
def origins(local: LocalOrigins) -> LocalOrigins:
    local.records.forget()
    return local


def code(answer: Any) -> tuple[int, str]:
    return answer.status, answer.denial["code"]


@pytest.mark.parametrize("path", ["requestheaders", "server_connect", "address", "via", "host"])
def test_an_addon_that_fails_or_points_elsewhere_lets_nothing_leave(
    gate: Hosted, origins: LocalOrigins, path: str
) -> None:
    """The host is nobody's but this test's, so that there is no connection to use again."""
    assert gate.curl(f"http://never.example/{path}").status in (500, 502)
    assert origins.records("connection") == []


def test_an_addon_cannot_make_it_a_request_that_is_denied(gate: Hosted, origins: LocalOrigins) -> None:
    assert code(gate.curl("http://api.example/path")) == (403, "refused_by_rule")
    assert origins.records("request") == []


def test_an_addon_that_fails_at_the_answer_lets_nothing_of_it_through(gate: Hosted) -> None:
    assert gate.curl("http://api.example/responseheaders").status == 500


@pytest.mark.parametrize("how", ["broken", "deleted"])
def test_the_script_is_not_loaded_again(gate: Hosted, origins: LocalOrigins, script: Path, how: str) -> None:
    """mitmproxy looks once a second whether a script has changed."""
    kept = script.read_text()
    try:
        if how == "deleted":
            script.unlink()
        else:
            script.write_text("def broken(:")
        subprocess.run(["sleep", "1.3"], check=True)
        assert code(gate.curl("http://evil.example/")) == (502, "unregistered")
        assert gate.curl("http://api.example/echo").status == 200
    finally:
        script.write_text(kept)


def test_a_policy_that_changes_is_loaded(gate: Hosted, local: LocalOrigins) -> None:
    try:
        gate.reload(registry(local).replace("/forbidden", "/newly"))
        assert code(gate.curl("http://api.example/newly")) == (403, "refused_by_rule")
    finally:
        gate.reload(registry(local))


# What is refused.


REFUSED: list[tuple[list[str], dict[str, object], str]] = [
    (["--set", "ssl_insecure=true"], {}, 'the option "ssl_insecure" is set'),
    ([], {"policy": "/nowhere"}, 'the policy "/nowhere" does not exist'),
    (["--set", "validate_inbound_headers=false"], {}, 'the option "validate_inbound_headers" is set'),
    ([], {"polcy": "x"}, 'unknown setting "polcy"; did you mean "policy"?'),
    (["--mode", "reverse:http://127.0.0.1:1"], {}, "is not a gate's"),
    (["-s", "other.py"], {}, "2 scripts are loaded"),
    ([], {"workers": "2"}, "2 workers are set"),
    ([], {"listen": ":1"}, '"outgate_listen" is set'),
    ([], {"addons": "nowhere.py"}, "the addon is no file"),
    (["--set", "outgate_policy=x"], {}, '"outgate_policy" is set more than once'),
    ([], {"read_only": "true"}, '"outgate_read_only" is set, and mitmdump has no page'),
    ([], {"replay": "shop.har"}, '"outgate_replay" is set, and mitmdump has no page'),
]
HOLDING: list[tuple[list[str], dict[str, object], str]] = [
    (["--set", "intercept=~q"], {"read_only": "true"}, "nobody could let go what is held"),
    ([], {"read_only": "true", "exports": "/"}, "nothing is done on such a page"),
    ([], {"exports": "/nowhere"}, "is no folder; make it"),
]
STARTS = [("mitmweb", *case) for case in REFUSED[:2] + HOLDING] + [("mitmdump", *case) for case in REFUSED]


@pytest.mark.parametrize(("program", "options", "settings", "told"), STARTS)
def test_what_would_be_no_gate_does_not_start(
    local: LocalOrigins,
    origin_pki: world.OriginPki,
    tmp_path: Path,
    program: str,
    options: list[str],
    settings: dict[str, object],
    told: str,
) -> None:
    (tmp_path / "other.py").write_text("addons = []\n")
    options = [str(tmp_path / part) if part == "other.py" else part for part in options]
    gate = Hosted(program, registry(local), origin_pki, options, settings)
    try:
        with pytest.raises(RuntimeError, match="did not start"):
            gate.start()
        assert told in gate.stderr()
        assert gate.stop() not in (0, None)
    finally:
        gate.__exit__()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_port_that_is_taken_ends_the_process(local: LocalOrigins, origin_pki: world.OriginPki, program: str) -> None:
    gate = Hosted(program, registry(local), origin_pki)
    with socket.create_server(gate.address), pytest.raises(RuntimeError, match="did not start"):
        gate.start()
    gate.__exit__()
