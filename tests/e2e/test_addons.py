"""`outgate run --addon`: the example signer as its page says it, the order, entry points, and starts that are refused.
Needs no namespaces."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.documents import Document, access, native, policy
from e2e.lab import world
from e2e.lab.gate import LoopbackGate
from e2e.lab.origins import LocalOrigins
from e2e.lab.upstreams import Server
from e2e.workload import Answer, came_of

SIGNER = Path(__file__).parents[2] / "docs" / "examples" / "addons" / "signer.py"
KEY = b"0123456789abcdef0123456789abcdef"
HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def local(origin_pki: world.OriginPki) -> Iterator[LocalOrigins]:
    secured = Server("tls", "http", (f"{HERE}:0",), world.tls(origin_pki, "api"))
    with LocalOrigins([secured, Server("plain", "http", (f"{HERE}:0",))]) as running:
        yield running


def registry(origins: LocalOrigins) -> str:
    """`api.example` in TLS and plain, `other.example` plain; nobody may DELETE."""

    def port(number: int, protocol: str, server: str) -> Document:
        at = origins.address(server)[1]
        upstream = {"port": at, "endpoints": [{"address": HERE, "port": at}]}
        return {"number": number, "protocol": protocol, "upstream": upstream}

    def place(host: str, *ports: Document) -> Document:
        spec = {"hosts": [host], "resolution": "STATIC", "ports": list(ports)}
        return native("EgressDestination", host.replace(".", "-"), spec)

    plain = port(80, "HTTP", "plain")
    return policy(
        place("api.example", port(443, "HTTPS", "tls"), plain),
        place("other.example", plain),
        access("no-delete", action="DENY", rules=[{"to": [{"methods": ["DELETE"]}]}]),
    )


class Extended(LoopbackGate):
    """A gate with addons on its command line, which read `told` from their environment."""

    def __init__(self, documents: str, pki: world.OriginPki, *addons: object, workers: int = 1, **told: str) -> None:
        flags = [part for addon in addons for part in ("--addon", str(addon))]
        super().__init__(documents, pki, flags=[*flags, "--workers", str(workers)])
        self.told, self.trusted = told, str(pki.gate_ca.cert)

    def _launch(self, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[Any]:
        beside = f"{environment['PYTHONPATH']}:{self.told.pop('BESIDE', '')}".rstrip(":")
        return super()._launch(argv, environment | self.told | {"PYTHONPATH": beside})

    def curl(self, url: str, *flags: str) -> Answer:
        way = ["--noproxy", "", "--proxy", "http://{}:{}".format(*self.address), "--cacert", self.trusted]
        asked = ["curl", "-sS", "-i", "--suppress-connect-headers", "--max-time", "15", *way, *flags, url]
        return came_of(subprocess.run(asked, capture_output=True, check=False, timeout=30))


# The example.


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    key = tmp_path_factory.mktemp("signer") / "signer.key"
    key.write_bytes(KEY + b"\n")
    return {"SIGNER_HOSTS": "api.example", "SIGNER_KEY_ID": "gate-1", "SIGNER_KEY_FILE": str(key)}


@pytest.fixture(scope="module")
def signing(local: LocalOrigins, origin_pki: world.OriginPki, told: dict[str, str]) -> Iterator[Extended]:
    with Extended(registry(local), origin_pki, SIGNER, **told) as gate:
        yield gate
        assert "Traceback" not in gate.stderr()


def signature(method: str, path: str, date: str, digest: str) -> str:
    """What the origin expects, from the page's words."""
    text = f"{method}\napi.example\n{path}\n{date}\n{digest}\ngate-1"
    return f'keyId="gate-1", signature="{b64encode(hmac.digest(KEY, text.encode(), hashlib.sha256)).decode()}"'


def seen(answer: Answer) -> dict[str, str]:
    """The headers that the origin got."""
    assert answer.status == 200, answer
    return {name.lower(): value for name, value in answer.json["headers"]}


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("body", [b"hello", bytes(range(256)) * 1000], ids=["short", "long"])
def test_the_origin_can_check_a_signature(signing: Extended, tmp_path: Path, version: str, body: bytes) -> None:
    (tmp_path / "body").write_bytes(body)
    forged = ["-H", "x-signature: forged", "-H", "date: never"]
    answer = signing.curl("https://api.example/echo?x=%20y", version, "--data-binary", f"@{tmp_path / 'body'}", *forged)
    headers = seen(answer)
    digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
    assert headers["content-digest"] == digest
    assert headers["x-signature"] == signature("POST", "/echo?x=%20y", headers["date"], digest)
    assert answer.json["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_body_too_long_to_sign_does_not_leave(signing: Extended, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(bytes(1024 * 1024 + 1))
    answer = signing.curl("https://api.example/echo", "--data-binary", f"@{tmp_path / 'body'}")
    assert (answer.status, answer.denial["code"]) == (413, "body_too_long")


def test_a_signature_does_not_leave_in_plain_text(signing: Extended) -> None:
    answer = signing.curl("http://api.example/echo")
    assert (answer.status, answer.denial["code"]) == (403, "signature_needs_tls")


def test_nobody_else_gets_a_signature(signing: Extended) -> None:
    assert "x-signature" not in seen(signing.curl("http://other.example/echo", "-H", "x-asks-for: api.example"))


def test_bodies_may_be_left_out(local: LocalOrigins, origin_pki: world.OriginPki, told: dict[str, str]) -> None:
    with Extended(registry(local), origin_pki, SIGNER, **told, SIGNER_BODIES="unsigned") as gate:
        headers = seen(gate.curl("https://api.example/echo", "--data-binary", "hello"))
    assert "content-digest" not in headers
    assert headers["x-signature"] == signature("POST", "/echo", headers["date"], "")


# The order, and entry points.

NOTES = """
class Notes:
    def requestheaders(self, flow):
        flow.request.headers["x-order"] = flow.request.headers.get("x-order", "") + "{}"
        if "delete" in flow.request.path:
            flow.request.method = "DELETE"

def made():
    return Notes()
"""


def test_addons_are_called_in_the_order_of_the_command_line(
    local: LocalOrigins, origin_pki: world.OriginPki, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(NOTES.format(name) + "\naddons = [Notes()]\n")
    (tmp_path / "shipped.py").write_text(NOTES.format("shipped"))
    metadata = tmp_path / "shipped-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shipped\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[outgate.addons]\nnotes = shipped:made\n")
    order = [tmp_path / "two.py", "notes", tmp_path / "one.py"]
    with Extended(registry(local), origin_pki, *order, BESIDE=str(tmp_path)) as gate:
        assert seen(gate.curl("http://other.example/echo"))["x-order"] == "twoshippedone"
        denied = gate.curl("http://other.example/delete")
    assert (denied.status, denied.denial["code"]) == (403, "refused_by_rule")


def test_every_worker_has_the_addon(local: LocalOrigins, origin_pki: world.OriginPki, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NOTES.format("mine") + "\naddons = [Notes()]\n")
    with Extended(registry(local), origin_pki, tmp_path / "mine.py", workers=2) as gate:
        for _ in range(8):
            assert seen(gate.curl("http://other.example/echo"))["x-order"] == "mine"


# Starts that are refused.

REFUSED = {
    "import": ("\nimport nothing_of_this_name\n", ":2:1: the addon could not be loaded: ModuleNotFoundError"),
    "syntax": ("def broken(:\n", ":1:12: the addon could not be loaded: SyntaxError"),
    "exit": ("import sys\nsys.exit(0)\n", ":2:1: the addon could not be loaded: SystemExit"),
    "load": ("def load(loader):\n    1 / 0\n", ":2:5: the addon could not be loaded: ZeroDivisionError"),
    "running": ("def running():\n    1 / 0\n", ":2:5: the addon could not be started: ZeroDivisionError"),
    "nothing": ("x = 1\n", ": there is nothing in it that would be called"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_gate_does_not_start_without_its_addon(
    local: LocalOrigins, origin_pki: world.OriginPki, tmp_path: Path, how: str
) -> None:
    text, told = REFUSED[how]
    path = tmp_path / "mine.py"
    path.write_text(text)
    gate = Extended(registry(local), origin_pki, path)
    with pytest.raises(RuntimeError, match="did not start"):
        gate.start()
    assert f"{path}{told}" in gate.stderr()
    assert "ready" not in gate.stderr()
    assert gate.stop() == 2


def test_workers_do_not_start_without_their_addon(
    local: LocalOrigins, origin_pki: world.OriginPki, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("import nothing_of_this_name\n")
    gate = Extended(registry(local), origin_pki, tmp_path / "mine.py", workers=2)
    with pytest.raises(RuntimeError, match="did not start"):
        gate.start()
    assert "ModuleNotFoundError" in gate.stderr()
    assert gate.stop() == 2


def test_a_name_that_nothing_has_is_refused(local: LocalOrigins, origin_pki: world.OriginPki) -> None:
    gate = Extended(registry(local), origin_pki, "nothing-of-this-name")
    with pytest.raises(RuntimeError, match=r"no entry point of outgate\.addons has this name"):
        gate.start()
    assert gate.stop() == 2
