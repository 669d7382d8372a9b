"""How long the webhook takes to answer a review: the real process, over TLS, asked as the API server asks.

Owns the pods that are asked about, the connections, and what is promised. Every answer has to be one that admits the
pod with its sidecar.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "addons")]

from place import PROXY_CORES  # noqa: E402
from rows import Row  # noqa: E402

from admission.reviews import admitted, review  # noqa: E402
from admission.secured import NAME, Pair  # noqa: E402
from injection.podded import PLAIN, pod  # noqa: E402

REVIEWS = Row("a review answered", "webhook")
ROWS = (REVIEWS,)
WIDTH = 8
"""Connections, each of which asks again when it has its answer: a rollout all at once."""
WARM = 50
"""Reviews that are not counted."""
PROMISED = 50.0
"""Milliseconds, for all but one in a hundred."""


def pods() -> dict[str, Any]:
    """One as most are, and one as few are."""
    variables = [{"name": f"SETTING_{number}", "value": f"value {number}"} for number in range(50)]
    many = [{"name": f"container-{number}", "image": "registry.example/a:1", "env": variables} for number in range(10)]
    return {"one container": PLAIN, "10 containers with 50 variables each": pod({"containers": many})}


def tables(wanted: tuple[Row, ...], reviews: int) -> str:
    """As Markdown."""
    return "\n\n".join(f"### {row.name}\n\n{_table(reviews)}" for row in wanted)


def _table(reviews: int) -> str:
    lines = ["| pod | reviews/s | p50 ms | p99 ms | promised at most |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="outgate-bench-") as name:
        pair = Pair(Path(name))
        pair.renew()
        with _serving(pair) as port:
            for kind, asked in pods().items():
                took, seconds = asyncio.run(_load(port, pair, asked, reviews))
                p50, p99 = (1000 * took[len(took) * part // 100] for part in (50, 99))
                kept = "" if p99 <= PROMISED else ", missed"
                lines.append(f"| {kind} | {reviews / seconds:.0f} | {p50:.1f} | {p99:.1f} | {PROMISED:g}{kept} |")
    return "\n".join(lines)


@contextmanager
def _serving(pair: Pair) -> Iterator[int]:
    """The port of the webhook, in a process of its own on a core of its own."""
    command = [sys.executable, "-m", "outgate", "webhook", "--listen", "127.0.0.1:0", "--drain-timeout", "0"]
    files = ["--cert", str(pair.cert), "--key", str(pair.key)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "addons")}
    with (pair.folder / "log").open("w+") as log:
        process = subprocess.Popen(["taskset", "-c", PROXY_CORES[0], *command, *files], stderr=log, env=environment)
        try:
            yield _ready(pair.folder / "log", process)
        finally:
            process.terminate()
            process.wait()


def _ready(log: Path, process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:
        first, end, _ = log.read_text().partition("/inject\n")
        if end:
            return int(first.rpartition(":")[2])
        time.sleep(0.05)
    raise RuntimeError(f"the webhook did not start: {log.read_text()}")


async def _load(port: int, pair: Pair, asked: Any, reviews: int) -> tuple[list[float], float]:
    """Seconds of each review, in order of size, and of all together."""
    took: list[float] = []
    await asyncio.gather(*(_connection(port, pair, asked, WARM // WIDTH, []) for _ in range(WIDTH)))
    began = time.perf_counter()
    await asyncio.gather(*(_connection(port, pair, asked, reviews // WIDTH, took) for _ in range(WIDTH)))
    return sorted(took), time.perf_counter() - began


async def _connection(port: int, pair: Pair, asked: Any, count: int, took: list[float]) -> None:
    body = json.dumps(review(asked)).encode()
    fields = {"Host": NAME, "Content-Type": "application/json", "Content-Length": str(len(body))}
    head = f"POST /inject HTTP/1.1\r\n{''.join(f'{name}: {text}\r\n' for name, text in fields.items())}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=pair.client(), server_hostname=NAME)
    answer = b""
    for _ in range(count):
        began = time.perf_counter()
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
        answer = await reader.readexactly(length)
        took.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()
    if not admitted(asked, json.loads(answer))["spec"].get("initContainers"):
        raise RuntimeError("a pod was admitted without its sidecar, which is worth no measurement")


if __name__ == "__main__":
    sys.stdout.write(f"{tables(ROWS, 5000)}\n")
