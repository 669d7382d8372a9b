"""An orphan becomes the child of who asked for it. That workers end with their supervisor is `test_worker`'s."""

import subprocess
import sys
from pathlib import Path

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
