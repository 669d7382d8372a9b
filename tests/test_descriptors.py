"""The gate takes all descriptors that it may have, and knows for how many connections they are enough."""

import os
import resource
import subprocess
import sys

import pytest

from e2e.lab.gate import ADDONS
from outgate.descriptors import EACH, OWN, fitting

RAISE = "from outgate.descriptors import raised; print(raised())"


def limited(soft: int, hard: int):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("soft", "hard"), [(100, 500), (500, 500)])
def test_the_limit_becomes_the_highest_that_may_be_asked_for(soft, hard):
    run = subprocess.run(
        [sys.executable, "-c", RAISE],
        preexec_fn=limited(soft, hard),
        env={**os.environ, "PYTHONPATH": ADDONS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "500\n"


def test_what_fits_leaves_some_for_the_gate_itself():
    assert [fitting(number) for number in (0, OWN, OWN + 10 * EACH, 1 << 20)] == [1, 1, 10, (2**20 - OWN) // EACH]
