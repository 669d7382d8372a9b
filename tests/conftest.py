"""What every test stands on: those marked `netns` skip, with the reason, where namespaces cannot be made."""

import functools
import os
import shutil
import subprocess

import pytest
from hypothesis import settings

# How long an example takes says something about the machine only. CI draws the same examples every time: what it finds
# has to be the change's; elsewhere every run looks further, and at twice as many.
settings.register_profile("anywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("ci" if os.environ.get("CI") else "anywhere")

# Everything such a test does, once, in a namespace that ends with the command.
_PROBE = ["unshare", "--net", "--mount", "sh", "-c", "ip link set lo up && iptables -t nat -L -n"]


@functools.cache
def netns_problem() -> str | None:
    """Why network namespaces cannot be used here, or None."""
    if missing := [tool for tool in ("unshare", "ip", "iptables") if shutil.which(tool) is None]:
        return f"needs {', '.join(missing)}"
    try:
        probe = subprocess.run(_PROBE, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return "making a network namespace took more than 20 s"
    if probe.returncode:
        return f"cannot make a network namespace with iptables: {probe.stderr.strip()}"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("netns") and (problem := netns_problem()):
        pytest.skip(problem)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest first, then those that wait for gates among those that only compute.

    Where several files run at once, the order they are taken in: the processors are busy while gates start, and no long
    file is left for the end.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    slow = [file for file, held in files.items() if any(item.get_closest_marker("slow") for item in held)]
    waiting = [file for file in files if "/e2e/" in file and file not in slow]
    computing = [file for file in files if file not in slow and file not in waiting]
    places = {file: index / len(waiting) for index, file in enumerate(waiting)}
    places |= {file: index / len(computing) for index, file in enumerate(computing)}
    order = slow + sorted(waiting + computing, key=places.__getitem__)
    items[:] = [item for file in order for item in files[file]]
