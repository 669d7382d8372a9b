"""One capture, exported in every format that can be read back, and replayed with the network cut."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capture.formats.written import tunnel
from e2e.replayed import recorded
from outgate.capture.files import CaptureFile
from outgate.capture.record import write

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'addons'}:{ROOT / 'tests'}"}
CUT = 'ip link set lo up && exec "$@"'


def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    (folder / "capture").mkdir()
    file = CaptureFile(folder / "capture", 1e9)
    for kept in [*recorded().values(), tunnel()]:
        file.append(write(kept))
    file.close()
    return folder


@pytest.mark.netns
@pytest.mark.parametrize("form", ["capture", "ndjson", "har", "flow"])
def test_every_exchange_is_answered_in_other_words_twice_over(capture, form):
    if form != "capture":
        done = run(sys.executable, "-m", "outgate", "export", "capture", "-f", form, "-o", form, cwd=capture)
        assert done.returncode == 0, done.stderr
    asked = [sys.executable, "-m", "e2e.replayed", form]
    done = run("unshare", "--net", "sh", "-c", CUT, "sh", *asked, cwd=capture)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("asked") > 20
    assert told == {"strayed": [], "missed": [], "unused": 0, "reaches": False}
