"""The shell blocks of the documentation, run as they stand.

Owns the place where they run: a directory with the shipped policy, programs named as the blocks name them, and, where
a block needs a network of its own, a lab's pod. `make` is the one program that is not run: its targets have to exist.
Where another uid could not read this interpreter, `setpriv` lets it read files, and nothing more.

    # exits N   behind a command: the exit code that it has to end with; without, it is 0
    outgate run starts a gate, which serves the client's blocks of its section
    curl marks a block as the workload's: it runs under a uid of its own beside the section's gate, but as root
        where it asks the admin endpoint
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpages.markdown import ROOT, Block, Page
from e2e.lab.namespaces import Lab
from e2e.lab.users import as_user

PATIENCE = 30.0
GATE, WORKLOAD = 1337, 1000
ADMIN = re.compile(r"http://127\.0\.0\.1:15000/|\boutgate (status|get|graph|log-level)\b")
PROGRAMS = ".programs"
EXITS = re.compile(r"\s+# exits (\d+).*$")
NETWORK = re.compile(
    r"\b(curl|setpriv|outgate (run|doctor|status|get|graph|log-level)|outgate iptables (?!install --dry-run)\w+)\b"
)
CHANGING = (
    (r"\b([0-9a-f]{12}|[0-9a-f]{64})\b", "DIGEST"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r'"age": [\d.]+', '"age": 0'),
    (r"\d+ s ago", "0 s ago"),
    (r"\btok_(\w+?)_[a-z2-7]{16}\b", r"tok_\1_TOKEN"),
    (r"\bu_[a-z2-7]{10}@example\.(com|org|net)\b", "MAIL"),
)
"""What differs from run to run, and what stands for it where output is compared."""


@dataclass(frozen=True)
class Step:
    """One shell block, the gate it runs beside, and the output that the page shows for it."""

    block: Block
    gate: Block | None
    shown: Block | None

    @property
    def starts(self) -> bool:
        """Whether it is a gate's, which goes on until it is ended."""
        return bool(re.search(r"\boutgate run\b", self.block.text))

    @property
    def networked(self) -> bool:
        return bool(NETWORK.search(self.block.text))

    def __str__(self) -> str:
        return f"{self.block.page}:{self.block.line}"


def steps(page: Page) -> list[Step]:
    """The shell blocks of a page. A gate that a block starts is there for those below it under the same heading."""
    found: list[Step] = []
    blocks = page.blocks()
    gate: Block | None = None
    for number, block in enumerate(blocks):
        if block.language != "sh":
            continue
        if gate is not None and gate.section != block.section:
            gate = None
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        shown = following if following and _shows(block, following) else None
        step = Step(block, gate, shown)
        found.append(step)
        if step.starts:
            gate = block
    return found


def _shows(block: Block, following: Block) -> bool:
    """Whether a block is the output of the one before it. What `make` would print is not known here."""
    adjoins = following.line <= block.end + 2 and following.language in ("text", "json")
    return adjoins and not re.search(r"^make\b", block.text, re.MULTILINE)


def script(text: str) -> str:
    """The block for a shell that stops at the first command that ends otherwise than it should."""
    lines = text.replace("\\\n", " ").splitlines()
    return "\n".join(_checked(line) for line in lines)


def _checked(line: str) -> str:
    match = EXITS.search(line)
    if match is None:
        return line
    return f"set +e; {line[: match.start()]}; code=$?; set -e; [ $code = {match[1]} ] || exit 99"


def settled(text: str) -> str:
    """Output without what differs from run to run."""
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def show(step: Step, output: str) -> None:
    """Write the output of a step into its page."""
    now = next(each for each in steps(Page(step.block.page)) if each.shown and each.block.text == step.block.text)
    assert now.shown is not None
    lines = Page(step.block.page).text.splitlines(keepends=True)
    lines[now.shown.line : now.shown.end - 1] = [f"{output.rstrip()}\n"]
    Page(step.block.page).path.write_text("".join(lines), encoding="utf-8")


def uid_of(step: Step) -> int | None:
    """Who runs a block: the workload where it stands beside a gate, root else, and where it asks the gate's admin."""
    return WORKLOAD if step.gate is not None and not ADMIN.search(step.block.text) else None


class Place:
    """A directory in which blocks run one after the other, in a lab's pod or, without one, right here."""

    def __init__(self, folder: Path, lab: Lab | None, environment: dict[str, str]) -> None:
        self.folder, self.lab = folder, lab
        shutil.copytree(ROOT / "policy", folder / "policy")
        folder.chmod(0o755)
        programs = folder / PROGRAMS
        programs.mkdir()
        _program(programs / "outgate", f'exec {shlex.quote(sys.executable)} -m outgate "$@"')
        _program(programs / "pytest", f'exec {shlex.quote(sys.executable)} -m pytest -p no:cacheprovider "$@"')
        kept = [flag for flag in as_user(GATE, [sys.executable]) if "-caps=" in flag]
        _program(programs / "setpriv", f'exec {shutil.which("setpriv")} {" ".join(kept)} "$@"')
        _program(programs / "make", f'exec {shutil.which("make")} -s -n -C {shlex.quote(str(ROOT))} "$@" >/dev/null')
        ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTGATE_")}
        self.environment = {**ours, "PYTHONPATH": str(ROOT / "addons"), "HOME": str(folder), **environment}

    def run(self, block: Block, uid: int | None = None) -> subprocess.CompletedProcess[Any]:
        """Run a block to its end."""
        options: dict[str, Any] = {"cwd": self.folder, "env": self.environment, "timeout": PATIENCE}
        if self.lab is not None:
            return self.lab.run_in(self.lab.pod, self._shell(block), uid, **options)
        return subprocess.run(self._shell(block), capture_output=True, text=True, check=False, **options)

    def _shell(self, block: Block) -> list[str]:
        """The programs are the block's alone: what starts it is not to find them."""
        path = f'export PATH={shlex.quote(str(self.folder / PROGRAMS))}:"$PATH"\n'
        return ["bash", "-euo", "pipefail", "-c", path + script(block.text)]

    @contextmanager
    def serving(self, block: Block) -> Iterator[None]:
        """Start the gate that a block starts, and end it. Raises RuntimeError where it is not ready."""
        assert self.lab is not None
        options: dict[str, Any] = {"cwd": self.folder, "env": self.environment, "text": True}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = self.lab.popen_in(self.lab.pod, self._shell(block), **options, **pipes)
        said: list[str] = []
        ready = threading.Event()
        reader = threading.Thread(target=_follow, args=(process, said, ready), daemon=True)
        reader.start()
        try:
            if not ready.wait(PATIENCE) or not any(line.startswith("ready") for line in said):
                raise RuntimeError(f"no gate is ready:\n{''.join(said)}")
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)
            reader.join(PATIENCE)


def _follow(process: subprocess.Popen[str], said: list[str], ready: threading.Event) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if line.startswith("ready"):
            ready.set()
    ready.set()


def _program(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)
