"""Exchanges are written off the caller's way, whatever the disk does and whoever is killed."""

import logging
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from capture.exchanges import exchange, sealed
from outgate.capture import store as stores
from outgate.capture.files import found
from outgate.capture.reading import Capture
from outgate.capture.store import Bounds, Store
from outgate.policy.redaction_model import CapturePolicy

PATIENCE = 30.0


def policy(folder, **facts):
    return CapturePolicy("all", folder=str(folder), **facts)


def numbered(number, size=400):
    return sealed(id=str(number), answer=random.Random(number).randbytes(size), started=1e9 + number)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def identities(folder):
    capture = Capture(Path(folder))
    read = [int(kept.exchange.id) for kept in capture]
    assert capture.problems == []
    return read


@pytest.fixture
def started():
    """Stores that are closed where the test ends."""
    running = []

    def start(*arguments, **facts):
        running.append(made := Store(*arguments, **facts))
        made.start()
        return made

    yield start
    for made in running:
        made.close(PATIENCE)


def test_what_is_put_is_read_back(tmp_path, started):
    store = started(policy(tmp_path / "new"))
    kept = [numbered(number) for number in range(50)]
    assert all(map(store.put, kept))
    store.close(PATIENCE)
    assert list(Capture(tmp_path / "new")) == kept
    assert (store.written, store.dropped) == (50, 0)
    assert not store.put(numbered(51))


def test_only_what_is_redacted_is_taken(tmp_path):
    with pytest.raises(TypeError, match="Exchange cannot be kept"):
        Store(policy(tmp_path)).put(exchange())


def test_what_is_too_much_is_dropped_and_counted(tmp_path):
    few, small = Store(policy(tmp_path), Bounds(waiting=3)), Store(policy(tmp_path), Bounds(bytes=5000))
    assert [few.put(numbered(number)) for number in range(5)] == [True] * 3 + [False] * 2
    assert [small.put(numbered(number, 2000)) for number in range(3)] == [True, False, False]
    assert (few.refused, small.refused) == (2, 2)


def test_a_file_is_followed_by_another(tmp_path, started):
    store = started(policy(tmp_path, rotate_bytes=2000))
    for number in range(40):
        store.put(numbered(number))
    store.close(PATIENCE)
    assert identities(tmp_path) == list(range(40))
    assert len(found(tmp_path)) > 2
    assert all(path.stat().st_size < 2600 for path in found(tmp_path))


def test_a_file_is_ended_when_it_is_old_also_where_nothing_comes(tmp_path, started):
    """Which shows in that it can be deleted: nobody holds it."""
    store = started(policy(tmp_path, rotate_seconds=0.05))
    store.put(numbered(0))
    until(lambda: store.written == 1 and store._file is None)
    store.put(numbered(1))
    until(lambda: store.written == 2)
    assert len(found(tmp_path)) == 2


def test_the_folder_holds_no_more_than_it_may(tmp_path, started):
    store = started(policy(tmp_path, rotate_bytes=2000, max_bytes=6000))
    for number in range(200):
        store.put(numbered(number))
    store.close(PATIENCE)
    assert sum(path.stat().st_size for path in found(tmp_path)) <= 6600
    assert identities(tmp_path)[-1] == 199
    assert store.written == 200


def test_old_files_go_by_their_age(tmp_path, started):
    first = started(policy(tmp_path))
    first.put(numbered(0))
    first.close(PATIENCE)
    second = started(policy(tmp_path, retention=60.0), clock=lambda: time.time() + 61)
    second.put(numbered(1))
    second.close(PATIENCE)
    assert identities(tmp_path) == [1]


# Processes that are killed.

WRITER = """
    import sys, time
    sys.path[:0] = sys.argv[2:4]
    from capture.exchanges import sealed
    from outgate.capture.store import Store
    from outgate.policy.redaction_model import CapturePolicy

    store = Store(CapturePolicy("all", folder=sys.argv[1]))
    store.start()
    number = 0
    while True:
        store.put(sealed(id=str(number), answer=bytes((number * at) % 251 for at in range(3000))))
        number += 1
        while store.written < number:
            time.sleep(0)
        print(number, flush=True)
"""


@pytest.fixture
def writing(tmp_path):
    """Processes that write into one folder, and say how many records are in their files."""
    roots = [str(Path(__file__).parents[2] / name) for name in ("addons", "tests")]
    running = []

    def start():
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path), *roots]
        running.append(process := subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def killed_after(process, count):
    """How many records it had written for sure."""
    for line in process.stdout:
        if int(line) >= count:
            break
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split("\n")
    process.wait(PATIENCE)
    return max(int(each) for each in (line, *rest) if each.strip())


def test_a_killed_process_loses_no_more_than_what_it_was_writing(tmp_path, writing):
    said = killed_after(writing(), 200)
    read = [int(kept.exchange.id) for kept in Capture(tmp_path)]
    assert read == list(range(len(read)))
    assert said <= len(read) <= said + 1


def test_processes_have_files_of_their_own(tmp_path, writing):
    said = [killed_after(process, 50) for process in [writing() for _ in range(3)]]
    assert len(found(tmp_path)) == 3
    assert sum(said) <= len(list(Capture(tmp_path))) <= sum(said) + 3


# Disks that are full.


@pytest.fixture
def small_disk(tmp_path):
    (place := tmp_path / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_stops_the_capture_and_is_told_of_once(small_disk, started, caplog, monkeypatch):
    """And again when it is over; what was written before and after can be read."""
    monkeypatch.setattr(stores, "RETRY", 0.01)
    caplog.set_level(logging.WARNING)
    (ballast := small_disk / "ballast").write_bytes(b"x" * 40_000)
    store = started(policy(small_disk))
    number = 0
    while store.failed < 3:
        assert store.put(numbered(number, 3000))
        number += 1
        until(lambda: store.written + store.failed >= number)  # noqa: B023
        time.sleep(0.005)
    before = store.written
    assert before > 0
    assert identities(small_disk) == list(range(before))

    ballast.unlink()
    until(lambda: store.put(numbered(number, 3000)) and store.written > before)
    store.close(PATIENCE)
    told = [(entry.levelname, entry.getMessage()) for entry in caplog.records]
    assert [level for level, _ in told] == ["ERROR", "WARNING"]
    assert "cannot be written, exchanges pass without: [Errno 28] No space left on device" in told[0][1]
    assert f"is written again; {store.failed} exchanges are missing" in told[1][1]
    assert len(identities(small_disk)) == store.written


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path, started, caplog):
    (tmp_path / "file").write_text("in the way")
    store = started(policy(tmp_path / "file" / "folder"))
    store.put(numbered(0))
    until(lambda: store.failed == 1)
    assert "cannot be written" in caplog.text
