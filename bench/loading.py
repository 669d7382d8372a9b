"""How long a policy of many documents takes: to check, and to load anew in a gate, whose event loop goes on meanwhile.

Owns the processes: `outgate check` as somebody starts it, and a gate with `ticking` in it. The documents are
`mixed`'s. `make bench ARGS="--rows documents"` prints it, as does `python bench/loading.py`.
"""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "addons")]

import mixed  # noqa: E402 - the path comes first
from rows import Row  # noqa: E402
from ticking import FILE  # noqa: E402

from e2e.lab.gate import free_port  # noqa: E402

CHECK, RELOAD = Row("a check of all of them", "documents"), Row("a reload of all of them", "documents")
ROWS = (CHECK, RELOAD)
ROUNDS = 3
MOST, LONGEST = 3.0, 0.05
"""Seconds that are promised: of a check, and that a reload holds up the event loop at most."""
AFTERWARDS = 3.0
"""Seconds in which a new policy still makes work: what is open is judged again."""
START = 60.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "outgate", *arguments]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(HERE.parent / "addons")} | more


def checked(policy: Path, documents: int) -> tuple[float, float]:
    """Seconds of a check, from its start to its end, and of a processor. Raises `RuntimeError` where it does not find
    them all usable."""
    before, spent = time.monotonic(), _spent()
    done = subprocess.run(command("check", str(policy)), capture_output=True, text=True, env=environment(), check=False)
    took = time.monotonic() - before
    if done.returncode or f"{documents} documents" not in done.stdout:
        raise RuntimeError(f"{documents} documents were not checked: {done.stdout[-500:]}{done.stderr[-500:]}")
    return took, _spent() - spent


def _spent() -> float:
    """Seconds of a processor that processes took which are over."""
    times = os.times()
    return times.children_user + times.children_system


def reloaded(policy: Path, folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Of each reload of a gate: the seconds that it took, and the longest that the event loop was held up."""
    found = []
    ticks = folder / "ticks"
    with _gate(policy, folder, ticks) as port:
        for _ in range(rounds):
            before = time.monotonic()
            if b'"loaded": true' not in _ask(port, "POST", "/reload"):
                raise RuntimeError("the gate did not reload")
            after = time.monotonic()
            time.sleep(AFTERWARDS)
            found.append((after - before, _longest(ticks, before)))
    return found


def _longest(ticks: Path, since: float) -> float:
    """Of what was late since then. Raises `RuntimeError` where nobody looked."""
    lines = (line.split() for line in ticks.read_text().splitlines()[:-1])
    late = [float(seconds) for at, seconds in lines if float(at) > since]
    if not late:
        raise RuntimeError("nobody looked at the gate's event loop")
    return max(late)


@contextmanager
def _gate(policy: Path, folder: Path, ticks: Path) -> Iterator[int]:
    """A gate with the policy in force; yields the port on which it is asked."""
    certs, port = folder / "certs", free_port()
    subprocess.run(command("certs", "init", "--dir", str(certs)), env=environment(), capture_output=True, check=True)
    (authority,), (key,) = certs.glob("*.crt"), certs.glob("*.key")
    pairs = ("--set", f"ca_certificate={authority}", "--set", f"ca_key={key}", "--addon", str(HERE / "ticking.py"))
    where = ("--mode", "regular", "--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{port}")
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            command("run", "--policy", str(policy), *where, *pairs),
            env=environment(**{FILE: str(ticks)}),
            stdout=log,
            stderr=log,
        )
        try:
            _await(port, running, folder / "log")
            yield port
        finally:
            running.terminate()
            running.wait()


def _await(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and running.poll() is None:
        try:
            _ask(port, "GET", "/readyz")
        except (OSError, RuntimeError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the gate does not start: {log.read_text()[-1000:]}")


def _ask(port: int, method: str, path: str) -> bytes:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=START)
    try:
        client.request(method, path)
        answer = client.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{path} is answered {answer.status}")
        return answer.read()
    finally:
        client.close()


def tables(wanted: tuple[Row, ...], documents: int, rounds: int = ROUNDS) -> str:
    """As Markdown."""
    with tempfile.TemporaryDirectory(prefix="outgate-bench-") as name:
        folder, policy = Path(name), Path(name) / "policy"
        policy.mkdir()
        made = mixed.write(policy, documents)
        parts = []
        if CHECK in wanted:
            parts.append(f"### {CHECK.name}\n\n{_checks(policy, made, rounds)}")
        if RELOAD in wanted:
            parts.append(f"### {RELOAD.name}\n\n{_reloads(policy, folder, made, rounds)}")
    return "\n\n".join(parts)


def _checks(policy: Path, documents: int, rounds: int) -> str:
    found = [checked(policy, documents) for _ in range(rounds)]
    took, spent = (statistics.median(each) for each in zip(*found, strict=True))
    head = ["| documents | seconds | of a processor | promised at most |", "|---|---|---|---|"]
    return "\n".join([*head, f"| {documents:,} | {took:.1f} | {spent:.1f} | {MOST:g}{_missed(took, MOST)} |"])


def _reloads(policy: Path, folder: Path, documents: int, rounds: int) -> str:
    found = reloaded(policy, folder, rounds)
    took, held = statistics.median(seconds for seconds, _ in found), statistics.median(late for _, late in found)
    head = ["| documents | seconds | event loop held up, ms | the worst of all | promised at most |", "|" + "---|" * 5]
    worst = max(late for _, late in found)
    row = f"| {documents:,} | {took:.1f} | {held * 1000:.0f} | {worst * 1000:.0f} | {LONGEST * 1000:g}"
    return "\n".join([*head, f"{row}{_missed(held, LONGEST)} |"])


def _missed(value: float, promised: float) -> str:
    return "" if value <= promised else ", missed"


if __name__ == "__main__":
    sys.stdout.write(tables(ROWS, 2000) + "\n")
