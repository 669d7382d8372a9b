"""An orphan becomes the child of who asked for it. That workers end with their supervisor is `test_worker`'s."""

import os
import subprocess
import sys
from pathlib import Path

from outgate.workers.bonds import Orphans

ADDONS = Path(__file__).parents[2] / "addons"
GRANDPARENT = """
import os, time
from outgate.workers.bonds import adopt_orphans
adopt_orphans()
reading, writing = os.pipe()
if not os.fork():
    between = os.getpid()
    if not os.fork():
        while os.getppid() == between:
            time.sleep(0.001)
        os.write(writing, str(os.getppid()).encode())
    os._exit(0)
os.wait()
assert int(os.read(reading, 100)) == os.getpid()
os.wait()
"""


def test_an_orphan_becomes_a_child_of_who_asked_for_it():
    options = {"env": {"PYTHONPATH": str(ADDONS)}, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([sys.executable, "-c", GRANDPARENT], check=False, **options)
    assert done.returncode == 0, done.stderr


def test_what_was_adopted_and_has_ended_is_let_go_of_and_nothing_else():
    orphan, waited_for = (os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], {}) for _ in range(2))
    for pid in (orphan, waited_for):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    orphans = Orphans()
    orphans.bury({waited_for, None})
    assert Path(f"/proc/{orphan}").exists(), "somebody may be about to wait for it"
    orphans.bury({waited_for, None})
    assert not Path(f"/proc/{orphan}").exists()
    assert os.waitpid(waited_for, 0) == (waited_for, 0)
