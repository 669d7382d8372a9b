"""`outgate web --replay`: a capture on the page, answered from, and nobody else is called. Needs no namespaces."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.exchanges import sealed
from e2e.browser import PROGRAM, Browser
from e2e.lab.gate import ADDONS, OUTGATE, free_port
from outgate.capture.record import write
from outgate.redact.exchange import Verdict

HERE = "127.0.0.1"
PATIENCE = 90.0


class Replaying:
    """The command, and what is said to its page and to the replay."""

    def __init__(self, folder: Path, capture: Path, *more: str) -> None:
        self.port, self.page, self.log = free_port(), free_port(), folder / "stderr"
        given = ["--listen", f"{HERE}:{self.port}", "--page", f"{HERE}:{self.page}", *more]
        environment = {**os.environ, "PYTHONPATH": ADDONS, "HOME": str(folder)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*OUTGATE, "web", "--replay", str(capture), *given], stderr=log, env=environment, cwd=folder
            )

    def started(self) -> Replaying:
        deadline = time.monotonic() + PATIENCE
        while not ("ready: " in (said := self.log.read_text()) and "?token=" in said):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        found = re.search(r"\?token=(\w+)", said)
        assert found is not None
        self.token = found[1]
        return self

    def ended(self) -> str:
        self.process.terminate()
        self.process.wait(PATIENCE)
        return self.log.read_text()

    def ask(self, url: str) -> tuple[int, bytes]:
        """As a client of a proxy."""
        return self._ask(self.port, "GET", url, {})

    def on_page(self, method: str, path: str) -> tuple[int, bytes]:
        return self._ask(self.page, method, path, {"Authorization": f"Bearer {self.token}"})

    def flows(self) -> dict[str, Any]:
        """By what is said of them."""
        return {flow["comment"]: flow for flow in json.loads(self.on_page("GET", "/flows")[1])}

    def _ask(self, port: int, method: str, target: str, fields: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HERE, port, timeout=PATIENCE)
        try:
            connection.request(method, target, headers=fields)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def origin() -> Iterator[socket.socket]:
    """Where the recorded origin is, and would take whoever comes."""
    with socket.create_server((HERE, 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def url(origin: socket.socket) -> str:
    return f"http://{HERE}:{origin.getsockname()[1]}"


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Replaying]:
    folder = tmp_path_factory.mktemp("replay")
    (capture := folder / "shop.ndjson").write_bytes(
        b"".join(
            write(sealed(f"{url}/{name}", answer=name.encode(), verdict=Verdict("allow", "registered")))
            for name in ("one", "two")
        )
    )
    running = Replaying(folder, capture)
    try:
        running.started()
        assert running.ask(f"{url}/one") == (200, b"one")
        assert running.ask(f"{url}/three")[0] == 599
        yield running
    finally:
        said = running.ended()
    assert "1 request answered, 1 miss, 1 recorded exchange not asked for" in said
    assert "Traceback" not in said


def test_what_was_recorded_and_what_is_asked_is_shown(replay: Replaying, url: str) -> None:
    flows = replay.flows()
    assert set(flows) == {
        "recorded 1, asked once: allow registered",
        "recorded 2, not asked for: allow registered",
        "answered from recorded 1",
        next(said for said in flows if said.startswith(f"miss: GET {url}/three: nothing was recorded for this")),
    }
    asked = flows["answered from recorded 1"]
    assert (asked["is_replay"], asked["response"]["status_code"]) == ("response", 200)
    assert replay.on_page("GET", f"/flows/{asked['id']}/response/content.data") == (200, b"one")


def test_nobody_is_called(replay: Replaying, origin: socket.socket) -> None:
    """Neither for what was recorded nor for what was not, nor from the page."""
    known = replay.flows()["recorded 2, not asked for: allow registered"]["id"]
    for path in (f"/flows/{known}/replay", "/commands/replay.client", "/clear"):
        assert replay.on_page("POST", path)[0] == 403
    with pytest.raises(BlockingIOError):
        origin.accept()


@pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")
def test_it_is_seen_in_a_browser(replay: Replaying) -> None:
    with Browser() as browser:
        browser.open(f"http://{HERE}:{replay.page}/?token={replay.token}#/flows")
        browser.sees("document.body.innerText.includes('recorded 2, not asked for')")
        assert "miss: GET" in browser.evaluate("document.body.innerText")


@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        ("", [], "holds no requests"),
        ("{}", [], "cannot be read"),
        (None, ["--mode", "socks5"], "reached by regular or transparent, not by socks5"),
        (None, ["--policy", "."], "--replay has no gate"),
        (None, ["--set", "strict=false"], "--replay has no gate"),
    ],
)
def test_what_can_be_no_replay_does_not_start(tmp_path: Path, content: str | None, more: list[str], told: str) -> None:
    capture = tmp_path / "capture"
    capture.write_bytes(write(sealed("http://a.example/")) if content is None else content.encode())
    running = Replaying(tmp_path, capture, *more)
    try:
        assert running.process.wait(PATIENCE) == 2
    finally:
        running.process.kill()
    assert told in running.log.read_text()
