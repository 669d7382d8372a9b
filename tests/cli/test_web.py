"""`outgate web`, as a person starts it: the page is up, the gate judges, and what cannot be a gate ends with a code."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.documents import destination, policy
from e2e.lab import world
from e2e.lab.gate import ADDONS, OUTGATE, LoopbackGate, free_port
from outgate import embedded
from outgate.settings import read_settings

POLICY = policy(destination("api.example", ports=("80/HTTP",)))


class Paged(LoopbackGate):
    """`outgate web` in place of `outgate run`. What is a flag of it alone goes in at the end."""

    more: tuple[str, ...] = ()

    def _arguments(self) -> list[str]:
        self.page = free_port()
        return [*super()._arguments(), "--page", f"127.0.0.1:{self.page}", *self.more]

    def _launch(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        given = argv[len(OUTGATE) + 1 :]
        at = given.index("--admin")  # a setting there, for mitmweb has no such flag
        given[at : at + 2] = ["--set", f"admin={given[at + 1]}"]
        return super()._launch([*OUTGATE, "web", *given], environment)

    def address_of_the_page(self) -> str:
        self._await(lambda: "?token=" in self.stderr(), "there is no page")
        found = re.search(r"http://\S+\?token=\w+", self.stderr())
        assert found
        return found[0]


@pytest.fixture(scope="module")
def pki() -> Iterator[world.OriginPki]:
    made = world.make_pki()
    yield made
    world.remove_pki(made)


def test_the_page_is_up_and_the_gate_judges(pki):
    with Paged(POLICY, pki) as gate:
        address = gate.address_of_the_page()
        assert f":{gate.page}/" in address
        with urllib.request.urlopen(address, timeout=10) as page:
            assert b"mitmproxy" in page.read()
        proxy = "http://{}:{}".format(*gate.address)
        asked = ["curl", "-sS", "--noproxy", "", "--proxy", proxy, "http://evil.example/"]
        answer = subprocess.run(asked, capture_output=True, check=True, timeout=30).stdout
        assert b'"unregistered"' in answer
        assert gate.admin("/status")["ready"]
        assert gate.stop() == 0


def test_on_a_page_that_is_read_only_nothing_is_done(pki):
    gate = Paged(POLICY, pki)
    gate.more = ("--read-only",)
    with gate:
        address = gate.address_of_the_page()
        with urllib.request.urlopen(address, timeout=10) as page:
            assert b"mitmproxy" in page.read()
        done = urllib.request.Request(f"http://127.0.0.1:{gate.page}/clear", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(done, timeout=10)
        assert refused.value.code == 403
        assert b"read-only" in refused.value.read()


def test_without_a_policy_there_is_no_page(tmp_path):
    found = {**os.environ, "PYTHONPATH": ADDONS}
    done = subprocess.run(
        [*OUTGATE, "web"], cwd=tmp_path, env=found, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "no policy is given" in done.stderr


def test_settings_reach_the_gate_once(monkeypatch, tmp_path):
    told: dict[str, Any] = {}

    def mitmweb(mode, listen, page, script, settings):
        told.update(settings, mode=mode, listen=listen, page=page, script=script.name)
        return 0

    monkeypatch.setattr(embedded, "mitmweb", mitmweb)
    pairs = ["Hook-Timeout=3", "mode=regular", "policy=elsewhere", "listen=:1"]
    settings = read_settings({"policy": (tmp_path, tmp_path), "addons": ("a.py", "b")}, pairs, {})
    assert embedded.run_web(settings, pairs, ("::1", 1), {"read_only": "true"}) == 0
    assert told == {
        "mode": "regular",
        "listen": ("", 1),
        "page": ("::1", 1),
        "script": "script.py",
        "hook_timeout": "3",
        "policy": f"{tmp_path}:{tmp_path}",
        "strict": "true",
        "addons": "a.py:b",
        "read_only": "true",
    }


@pytest.mark.parametrize("flag", ["--page", "--listen"])
@pytest.mark.parametrize("what", [("--policy", "policy.yaml"), ("--replay", "policy.yaml")], ids=["gate", "replay"])
def test_an_address_that_is_taken_is_told_with_its_flag(terminal, flag, what):
    terminal.write("policy.yaml", POLICY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        others = {"--page": "127.0.0.1:0", "--listen": "127.0.0.1:0", flag: f"127.0.0.1:{port}"}
        run = terminal.run("web", *what, *(each for pair in others.items() for each in pair))
    told = f"Error: cannot listen on 127.0.0.1:{port}: Address already in use; name another address with {flag}\n"
    assert (run.exit_code, run.stderr) == (3, told)
