"""The demo as it is run: every row with its verdict, in namespaces and on loopback, and quiet when nobody reads on."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import demo_rows
from e2e.lab.namespaces import unavailable

DEMO = Path(__file__).parents[1] / "demo"
COMMAND = [sys.executable, str(DEMO / "run.py")]


def run(*flags):
    return subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture(scope="module")
def in_namespaces():
    if reason := unavailable():
        pytest.skip(reason)
    return run()


@pytest.fixture(scope="module")
def on_loopback():
    return run("--loopback")


@pytest.mark.netns
def test_in_namespaces_every_row_has_its_verdict(in_namespaces):
    assert demo_rows.read(in_namespaces.stdout) == demo_rows.NAMESPACES, in_namespaces.stderr
    assert (in_namespaces.returncode, in_namespaces.stderr) == (0, "")


@pytest.mark.netns
def test_in_namespaces_nothing_is_said_of_another_mode(in_namespaces):
    assert in_namespaces.stdout.startswith("what the application tried")


def test_on_loopback_it_says_so_and_the_rows_are_the_same(on_loopback):
    assert on_loopback.stdout.startswith("without namespaces (as asked): the same rows in regular mode")
    assert demo_rows.read(on_loopback.stdout) == demo_rows.LOOPBACK, on_loopback.stderr
    assert (on_loopback.returncode, on_loopback.stderr) == (0, "")


def test_both_ways_try_the_same_and_get_the_same_verdicts():
    told = [[(row.tried, row.verdict, row.code) for row in rows] for rows in (demo_rows.NAMESPACES, demo_rows.LOOPBACK)]
    assert told[0] == told[1]


def test_every_attempt_of_the_application_has_a_row():
    attempts = runpy.run_path(str(DEMO / "app.py"))["ATTEMPTS"]
    assert [tried for tried, _ in attempts] == [row.tried for row in demo_rows.NAMESPACES]


def test_where_it_points_to_is_there(on_loopback):
    further = on_loopback.stdout.partition("Where to look further:\n")[2].splitlines()
    places = [line.split()[0] for line in further if not line.strip().startswith(".venv")]
    assert places
    assert [place for place in places if not (DEMO.parent / place).exists()] == []


def test_a_reader_that_leaves_ends_it_quietly():
    process = subprocess.Popen([*COMMAND, "--loopback"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    try:
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_table_without_verdicts_is_not_taken_for_one():
    with pytest.raises(ValueError, match="no table"):
        demo_rows.read("nothing")
    header = f"{'what the application tried':38} {'what happened':44} why\n---\n"
    with pytest.raises(ValueError, match="no verdict"):
        demo_rows.read(f"{header}{'GET http://x.example/':38} {'200':44} the gate's log says nothing\n")
