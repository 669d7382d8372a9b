"""What a command had begun to write is not left behind by SIGTERM or Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture.exchanges import sealed
from outgate.capture.record import write

ADDONS = Path(__file__).parents[2] / "addons"
ENDED = {signal.SIGTERM: 143, signal.SIGINT: 130}


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "-f", "har", "-o", "out"),
        ("export", "-f", "wiremock", "-o", "out"),
        ("export",),
        ("mock", "-o", "out"),
    ],
    ids=["file", "folder", "output", "mock"],
)
@pytest.mark.parametrize("number", ENDED, ids=["SIGTERM", "SIGINT"])
def test_nothing_is_left_behind(tmp_path, arguments, number):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "many").write_bytes(write(sealed()) * 20_000)
    environ = {**os.environ, "PYTHONPATH": str(ADDONS), "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-m", "outgate", arguments[0], "many", *arguments[1:]]
    run = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not _begun(tmp_path):
        assert run.poll() is None
    run.send_signal(number)
    assert run.wait() == ENDED[number]
    assert {each.name for each in tmp_path.rglob("*")} == {"tmp", "many"}


def _begun(folder):
    return {"tmp", "many"} < {each.name for each in folder.rglob("*")}
