"""`make bench`: requests a second, side by side in one run: no proxy, stock mitmdump, and outgate with 200 entries.

Owns the processes and the table. Everything runs on loopback in regular mode, proxies on one core, the load and the
origin on the others; rounds are interleaved and medians are compared, for machines are noisy: read the ratios.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ADDONS = HERE.parent / "addons"
BIN = Path(sys.executable).parent
ROUNDS, SECONDS, WIDTH, ENTRIES = 3, 3.0, 8, 200
ROWS = {"keep-alive": [], "new connection a request": ["fresh"]}


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outgate-bench-")))
        port = _origin(stack)
        proxies = {
            "no proxy": "-",
            "stock mitmdump": stack.enter_context(_mitmdump(folder)),
            f"outgate, {ENTRIES} entries": stack.enter_context(_outgate(folder, port)),
        }
        for row, how in ROWS.items():
            _show(row, _measure(proxies, port, how))
    return 0


def _measure(proxies: dict[str, str], port: int, how: list[str]) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in proxies}
    for _ in range(ROUNDS):
        for name, proxy in proxies.items():
            command = [
                sys.executable,
                str(HERE / "load.py"),
                "client",
                proxy,
                str(port),
                str(SECONDS),
                str(WIDTH),
                *how,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
            found[name].append(json.loads(done.stdout))
    return found


def _show(row: str, found: dict[str, list[dict[str, float]]]) -> None:
    stock = statistics.median(entry["requests"] for entry in found["stock mitmdump"])
    sys.stdout.write(f"\n### {row}\n\n| | requests/s | to stock | p50 ms | p99 ms |\n|---|---|---|---|---|\n")
    for name, entries in found.items():
        requests, p50, p99 = (
            statistics.median(entry[key] for entry in entries) for key in ("requests", "p50_ms", "p99_ms")
        )
        sys.stdout.write(f"| {name} | {requests / SECONDS:.0f} | {requests / stock:.2f} | {p50:.2f} | {p99:.2f} |\n")
    sys.stdout.flush()


def _origin(stack: ExitStack) -> int:
    process = subprocess.Popen([sys.executable, str(HERE / "load.py"), "origin"], stdout=subprocess.PIPE, text=True)
    stack.callback(process.kill)
    assert process.stdout is not None
    return int(process.stdout.readline())


@contextmanager
def _mitmdump(folder: Path) -> Iterator[str]:
    port = _free_port()
    command = [
        str(BIN / "mitmdump"),
        "-q",
        "--set",
        f"confdir={folder}/stock",
        "--listen-host",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with _running(command, port, folder):
        yield f"127.0.0.1:{port}"


@contextmanager
def _outgate(folder: Path, origin: int) -> Iterator[str]:
    """The default configuration, access log on, the request hitting the last of the entries."""
    port = _free_port()
    (folder / "policy").mkdir()
    (folder / "policy" / "registry.yaml").write_text(_registry(origin))
    outgate = [sys.executable, "-m", "outgate"]
    environment = os.environ | {"PYTHONPATH": str(ADDONS)}
    subprocess.run(
        [*outgate, "certs", "init", "--dir", str(folder / "ca")], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    command = [
        *outgate,
        "run",
        "--policy",
        str(folder / "policy"),
        "--mode",
        "regular",
        "--listen",
        f"127.0.0.1:{port}",
    ]
    command += ["--set", f"ca_certificate={folder}/ca/outgate-ca.crt", "--set", f"ca_key={folder}/ca/outgate-ca.key"]
    with _running([*command, "--set", "admin="], port, folder):
        yield f"127.0.0.1:{port}"


def _registry(origin: int) -> str:
    entries = [_entry(f"host-{number}.example", 80, "") for number in range(ENTRIES - 1)]
    return "---\n".join([*entries, _entry("localhost", origin, "  allowAddresses: [127.0.0.0/8]\n")])


def _entry(host: str, port: int, more: str) -> str:
    head = f"apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {{name: {host.partition('.')[0]}}}\n"
    return f"{head}spec:\n  hosts: [{host}]\n{more}  ports: [{{number: {port}, protocol: HTTP}}]\n"


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """On one core, where `taskset` is there to say so."""
    pinned = ["taskset", "-c", "0", *command] if shutil.which("taskset") else command
    environment = os.environ | {"PYTHONPATH": str(ADDONS)}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(pinned, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        try:
            _await(port, process, folder / "said")
            yield
        finally:
            process.kill()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes], said: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"a proxy did not start:\n{said.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("a proxy does not listen")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
