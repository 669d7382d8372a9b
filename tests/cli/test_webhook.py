"""`outgate webhook` as a process: real TLS, files that change under it, and an end that nobody notices."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from admission.reviews import admitted, refused, review
from admission.secured import WITHIN, Pair, Said, ask
from cli.conftest import Terminal
from injection.podded import PLAIN, pod
from outgate.injection import config, pods

ADDONS = Path(__file__).parents[2] / "addons"


@dataclass
class Running:
    process: subprocess.Popen[str]
    pair: Pair
    port: int
    config: Path

    def ask(self, *given, **options) -> Said:
        return asyncio.run(ask(self.port, self.pair.client(), *given, **options))

    async def until(self, holds, *given, **options) -> Said:
        """Asked again until it is so."""
        async with asyncio.timeout(WITHIN):
            while True:
                if holds(said := await ask(self.port, self.pair.client(), *given, **options)):
                    return said
                await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("webhook")
    pair = Pair(folder)
    pair.renew()
    (written := folder / "injection.yaml").write_text("image: one:1\nannotations: [inject, mode]\n")
    command = [sys.executable, "-m", "outgate", "webhook", "--listen", "127.0.0.1:0", "--drain-timeout", "60"]
    files = ["--cert", str(pair.cert), "--key", str(pair.key), "--config", str(written)]
    process = subprocess.Popen([*command, *files], stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ADDONS)})
    assert process.stderr is not None
    ready = re.fullmatch(r"ready: reviews at 127\.0\.0\.1:(\d+)/inject\n", process.stderr.readline())
    assert ready, process.stderr.read()
    yield Running(process, pair, int(ready[1]), written)
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stderr.close()


def test_a_review_goes_round(running):
    said = running.ask(review(PLAIN))
    assert admitted(PLAIN, said.content) == pods.inject(PLAIN, config.load(running.config))[0]


@pytest.mark.parametrize("kind", ["labels", "annotations"])
def test_a_pod_chooses_by_itself_as_far_as_it_may(running, kind):
    said_no = pod(**{kind: {"outgate.dev/inject": "false"}})
    assert admitted(said_no, running.ask(review(said_no)).content) == said_no
    regular = pod(annotations={"outgate.dev/mode": "regular"})
    assert "injected" not in admitted(regular, running.ask(review(regular)).content)["metadata"]["labels"]
    excluding = pod(annotations={"outgate.dev/exclude-ports": "443"})
    assert "outgate.dev/exclude-ports may not be chosen by pods here" in refused(running.ask(review(excluding)).content)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (review(PLAIN) | {"apiVersion": "admission.k8s.io/v1beta1"}, {}, 400),
        (json.dumps(review(PLAIN)).encode()[:-9], {}, 400),
        (review(PLAIN), {"Content_Type": "application/yaml"}, 415),
        (b"x" * 10, {"Content_Length": str(5 * 1024 * 1024)}, 413),
    ],
    ids=["v1beta1", "cut", "type", "large"],
)
def test_what_is_malformed_is_refused_and_outlived(running, content, headers, status):
    assert running.ask(content, **headers).status == status
    assert running.process.poll() is None


def test_a_host_network_is_refused(running):
    assert "it shares the host's network" in refused(running.ask(review(pod({"hostNetwork": True}))).content)


async def test_a_renewed_certificate_is_served_to_who_comes_and_others_stay(running):
    before = (await ask(running.port, running.pair.client(), review(PLAIN))).certificate
    body = json.dumps(review(PLAIN)).encode()
    head = f"POST /inject HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", running.port, ssl=running.pair.client(), server_hostname="outgate-webhook.outgate-system.svc"
    )
    running.pair.renew()
    await running.until(lambda said: said.certificate != before, review(PLAIN))
    writer.write(head.encode() + body)
    assert (await asyncio.wait_for(reader.readline(), WITHIN)) == b"HTTP/1.1 200 OK\r\n"
    writer.close()
    await writer.wait_closed()


async def test_other_settings_hold_for_the_next_pod_and_broken_ones_for_none(running):
    def image(said):
        return admitted(PLAIN, said.content)["spec"]["initContainers"][0]["image"]

    running.config.write_text("image: [two")
    await asyncio.sleep(1.5)  # it has looked at least once
    assert image(await ask(running.port, running.pair.client(), review(PLAIN))) == "one:1"
    running.config.write_text("image: three:3\nannotations: [inject, mode]\n")
    await running.until(lambda said: image(said) == "three:3", review(PLAIN))


async def test_at_its_end_it_answers_until_others_have_heard_of_it(running):
    """The last of this file: it ends the process."""
    running.process.send_signal(signal.SIGTERM)
    ready = await running.until(lambda said: said.status == 503, path="/readyz", method="GET")
    assert ready.content == {"ready": False, "reason": "draining"}
    said = await ask(running.port, running.pair.client(), review(PLAIN), Connection="")
    assert said.headers["connection"] == "close"
    assert admitted(PLAIN, said.content) != PLAIN
    running.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(running.process.wait, WITHIN) == 0
    told = running.process.stderr.read()
    assert "the certificate was read again" in told
    assert "what was in force stays" in told
    assert "Traceback" not in told


# What keeps it from starting.


def test_a_wrong_pair_is_told_before_anything_listens(terminal: Terminal):
    terminal.write("tls.crt", "nonsense")
    done = terminal.run("webhook", "--cert", "tls.crt", "--key", "tls.key")
    assert done.exit_code == 2
    assert "tls.crt with the key tls.key cannot be used" in done.stderr


def test_wrong_settings_are_told_with_their_line(terminal: Terminal):
    pair = Pair(terminal.path / "pki")
    pair.renew()
    terminal.write("injection.yaml", "image: a\nuid: 0\n")
    done = terminal.run("webhook", "--cert", str(pair.cert), "--key", str(pair.key), "--config", "injection.yaml")
    assert done.exit_code == 2
    assert "injection.yaml:2:6: uid: 0 is out of range" in done.stderr


def test_a_place_that_is_taken_is_told(terminal: Terminal):
    pair = Pair(terminal.path / "pki")
    pair.renew()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        done = terminal.run("webhook", "--cert", str(pair.cert), "--key", str(pair.key), "--listen", place)
    assert done.exit_code == 3
    assert "cannot listen" in done.stderr


@pytest.mark.parametrize("flag", ["--listen", "--metrics"])
def test_an_address_that_is_none_is_wrong_usage(terminal: Terminal, flag):
    done = terminal.run("webhook", "--cert", "a", "--key", "b", flag, "nowhere")
    assert done.exit_code == 2
    assert f"Invalid value for '{flag}'" in done.stderr
