"""`make demo`: a sample application behind the gate, a row for each thing that it tries. Without internet.

Owns the stage: the outside (origins), the gate, the application, and the table. In two network namespaces where they
can be made, else, or with `--loopback`, in regular mode on loopback, with the same rows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from string import Template
from typing import Any

from app import ATTEMPTS

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from e2e.lab import world  # noqa: E402  (the laboratory of the tests is the demo's stage)
from e2e.lab.gate import Gate, LoopbackGate, RunningGate  # noqa: E402
from e2e.lab.namespaces import Lab, unavailable  # noqa: E402
from e2e.lab.origins import LabOrigins, LocalOrigins  # noqa: E402
from e2e.lab.upstreams import Server  # noqa: E402

WIDTHS = (38, 44)
PLACE = re.compile(r" ?\((?:[^():]*/)?([^/():]+:\d+):\d+\)")
"""Where a document stands, of which the table shows file and line."""
APPLICATION_UID = 1000


def main() -> int:
    parser = argparse.ArgumentParser(description="A sample application behind the gate, row by row.")
    parser.add_argument("--loopback", action="store_true", help="regular mode on loopback, without namespaces")
    reason = "as asked" if parser.parse_args().loopback else unavailable()
    try:
        return _play(reason)
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped\n")
        return 130


def _play(reason: str) -> int:
    """The demo, in namespaces unless there is a reason not to. Returns its exit code."""
    with ExitStack() as stack:
        pki = world.make_pki()
        stack.callback(world.remove_pki, pki)
        if reason:
            sys.stdout.write(f"without namespaces ({reason}): the same rows in regular mode, on loopback\n\n")
        return _show((_on_loopback if reason else _in_namespaces)(stack, pki))


def _in_namespaces(stack: ExitStack, pki: world.OriginPki) -> Iterator[tuple[str, str, dict[str, Any]]]:
    lab = stack.enter_context(Lab(world.NAMES))
    stack.enter_context(LabOrigins(lab, world.cast(pki)))
    gate = stack.enter_context(Gate(lab, _policy(pki, {}), pki))
    command = [sys.executable, *_application(pki)]
    process = lab.popen_in(lab.pod, command, APPLICATION_UID, **_PIPES)
    return _rows(process, gate)


def _on_loopback(stack: ExitStack, pki: world.OriginPki) -> Iterator[tuple[str, str, dict[str, Any]]]:
    origins = stack.enter_context(LocalOrigins(_local_cast(pki)))
    ports = {name: origins.address(name)[1] for name in ("api-plain", "api", "partner", "pinned", "tcp")}
    gate = stack.enter_context(LoopbackGate(_policy(pki, ports), pki))
    host, port = gate.address
    command = [sys.executable, *_application(pki), "--proxy", f"{host}:{port}"]
    process = subprocess.Popen(command, start_new_session=True, **_PIPES)  # Ctrl-C is for the demo alone
    stack.callback(process.kill)
    return _rows(process, gate)


_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}


def _local_cast(pki: world.OriginPki) -> list[Server]:
    here = ("127.0.0.1:0",)
    return [
        Server("api-plain", "http", here),
        Server("api", "http", here, world.tls(pki, "api")),
        Server("partner", "http", here, world.tls(pki, "partner", "required")),
        Server("pinned", "http", here, world.tls(pki, "pinned")),
        Server("tcp", "echo", here),
    ]


def _application(pki: world.OriginPki) -> list[str]:
    copy = Path(pki.folder, "app.py")  # where the application's user may read it
    shutil.copy(HERE / "app.py", copy)
    return [str(copy), "--ca", str(pki.gate_ca.cert), "--pinned-ca", str(pki.second_ca.cert)]


def _policy(pki: world.OriginPki, ports: Mapping[str, int]) -> str:
    """The demo's documents. With `ports`, every destination lies at one of these on loopback."""
    local = bool(ports)

    def endpoint(name: str) -> str:
        return f"[{{address: 127.0.0.1, port: {ports[name]}}}]"

    return Template((HERE / "policy.yaml").read_text()).substitute(
        api_target=f", targetPort: {ports['api-plain']}" if local else "",
        api_tls_target=f", targetPort: {ports['api']}" if local else "",
        resolution="STATIC" if local else "DNS",
        endpoints="endpoints: [{address: 127.0.0.1}]" if local else "",
        allow="allowAddresses: [127.0.0.0/8]" if local else "",
        partner_port=ports["partner"] if local else 443,
        partner_endpoints=f"endpoints: {endpoint('partner')}" if local else "",
        pinned_port=ports["pinned"] if local else 443,
        pinned_endpoints=f", endpoints: {endpoint('pinned')}" if local else "",
        tcp_port=ports["tcp"] if local else 7000,
        tcp_endpoints=f", endpoints: {endpoint('tcp')}" if local else "",
        client_certificate=pki.client.chain,
        client_key=pki.client.key,
        origin_ca=pki.origin_ca.cert,
    )


def _rows(process: subprocess.Popen[str], gate: RunningGate) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What the application says it tried and got, each with the gate's own line about it."""
    assert process.stdin is not None
    assert process.stdout is not None
    for count, line in enumerate(process.stdout, 1):
        said = json.loads(line)
        yield said["tried"], said["happened"], _logged(gate, count)
        with suppress(BrokenPipeError):  # it has ended, and says why itself
            process.stdin.write("\n")
            process.stdin.flush()


def _logged(gate: RunningGate, count: int) -> dict[str, Any]:
    try:
        return gate.log(count)[-1]
    except TimeoutError:
        return {}


def _show(rows: Iterator[tuple[str, str, dict[str, Any]]]) -> int:
    started, shown = time.monotonic(), 0
    _line("what the application tried", "what happened", "why")
    _line("-" * 26, "-" * 13, "---")
    for tried, happened, entry in rows:
        shown += 1
        _line(tried, happened, _why(entry))
    sys.stdout.write(f"\n{shown} attempts in {time.monotonic() - started:.1f} s. Where to look further:\n{_FURTHER}")
    return 0 if shown == len(ATTEMPTS) else 1


def _line(tried: str, happened: str, why: str) -> None:
    columns = [textwrap.wrap(text, width) or [""] for text, width in zip((tried, happened), WIDTHS, strict=True)]
    columns.append(textwrap.wrap(why, 72) or [""])
    for index in range(max(map(len, columns))):
        cells = [column[index] if index < len(column) else "" for column in columns]
        text = f"{cells[0]:<{WIDTHS[0]}} {cells[1]:<{WIDTHS[1]}} {cells[2]}"
        sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


def _why(entry: Mapping[str, Any]) -> str:
    if not entry:
        return "the gate's log says nothing"
    rule = PLACE.sub(r" (\1)", str(entry.get("rule", ""))) or "no document names it"
    reason = PLACE.sub("", str(entry.get("reason", ""))).strip()
    return f"{entry['verdict']} {entry['code']}: {reason}; {rule}"


_FURTHER = """\
  demo/policy.yaml                                       the documents behind the rows
  .venv/bin/outgate explain GET https://api.github.com/  a decision, step by step, with file and line
  .venv/bin/outgate check policy                         what is wrong with documents, and what to write instead
  docs/one-request.md                                    one request through the code
  docs/policy.md                                         what is allowed, and why
"""


if __name__ == "__main__":
    sys.exit(main())
