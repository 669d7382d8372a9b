"""Exchanges are in files when `write` returns, whatever the disk does and whoever is killed."""

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
from outgate.capture import record
from outgate.capture import store as stores
from outgate.capture.files import found
from outgate.capture.reading import Capture
from outgate.capture.retention import prune
from outgate.capture.store import Store
from outgate.policy.redaction_model import CapturePolicy

PATIENCE = 30.0


def policy(folder, **facts):
    return CapturePolicy("all", folder=str(folder), **facts)


def numbered(number, size=400):
    return sealed(id=str(number), answer=random.Random(number).randbytes(size), started=1e9 + number)


def identities(folder):
    capture = Capture(Path(folder))
    read = [int(kept.exchange.id) for kept in capture]
    assert capture.problems == []
    return read


def test_what_is_written_is_read_back(tmp_path):
    store = Store(policy(tmp_path / "new"))
    kept = [numbered(number) for number in range(50)]
    assert store.write(kept[:20]) == 20
    assert list(Capture(tmp_path / "new")) == kept[:20], "at once, while the file is open"
    assert store.write(kept[20:]) == 30
    store.close()
    assert list(Capture(tmp_path / "new")) == kept


def test_only_what_is_redacted_is_taken(tmp_path):
    with pytest.raises(TypeError, match="Exchange cannot be kept"):
        Store(policy(tmp_path)).write([exchange()])
    assert found(tmp_path) == []


def test_a_record_that_cannot_be_written_costs_no_other(tmp_path, monkeypatch):
    def failing(kept, write=record.write):
        if kept.exchange.id == "1":
            raise ValueError
        return write(kept)

    monkeypatch.setattr(record, "write", failing)
    store = Store(policy(tmp_path))
    assert store.write([numbered(number) for number in range(3)]) == 2
    assert store.write([numbered(3)]) == 1
    assert identities(tmp_path) == [0, 2, 3]
    assert len(list(tmp_path.iterdir())) == 1, "the file was none of its fault"


def test_a_file_is_followed_by_another(tmp_path):
    store = Store(policy(tmp_path, rotate_bytes=2000))
    for number in range(40):
        store.write([numbered(number)])
        assert store.room > 0
    assert identities(tmp_path) == list(range(40))
    assert len(found(tmp_path)) > 2
    assert all(path.stat().st_size < 2600 for path in found(tmp_path))


def test_a_file_is_ended_when_it_is_old_also_where_nothing_comes(tmp_path):
    """Which shows in that it can be deleted: nobody holds it."""
    store = Store(policy(tmp_path, rotate_seconds=0.0, retention=60.0))
    store.write([numbered(0)])
    assert prune(tmp_path, time.time() + 60, 0) == 0
    store.turn()
    assert prune(tmp_path, time.time() + 60, 0) == 1
    store.write([numbered(1)])
    assert identities(tmp_path) == [1]


def test_the_folder_holds_no_more_than_it_may(tmp_path):
    store = Store(policy(tmp_path, rotate_bytes=2000, max_bytes=6000))
    assert sum(store.write([numbered(number)]) for number in range(200)) == 200
    assert sum(path.stat().st_size for path in found(tmp_path)) <= 6600
    assert identities(tmp_path)[-1] == 199


def test_old_files_go_by_their_age(tmp_path):
    first = Store(policy(tmp_path))
    first.write([numbered(0)])
    first.close()
    Store(policy(tmp_path, retention=60.0), clock=lambda: time.time() + 61).write([numbered(1)])
    assert identities(tmp_path) == [1]


def test_what_is_written_is_noted_before(tmp_path):
    noted = []

    def note(path, size, added):
        noted.append((path.stat().st_size, size, size + added))

    store = Store(policy(tmp_path), note)
    for number in range(3):
        store.write([numbered(number)])
    assert [before for before, _, _ in noted] == [before for _, before, _ in noted]
    assert [after for _, _, after in noted] == [
        *(before for _, before, _ in noted[1:]),
        found(tmp_path)[0].stat().st_size,
    ]


# Processes that are killed.

WRITER = """
    import sys
    sys.path[:0] = sys.argv[2:4]
    from capture.exchanges import sealed
    from outgate.capture.store import Store
    from outgate.policy.redaction_model import CapturePolicy

    store = Store(CapturePolicy("all", folder=sys.argv[1]))
    number = 0
    while True:
        number += store.write([sealed(id=str(number), answer=bytes((number * at) % 251 for at in range(3000)))])
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


def test_a_full_disk_stops_the_capture_and_is_told_of_once(small_disk, caplog, monkeypatch):
    """And again when it is over; what was written before and after can be read."""
    monkeypatch.setattr(stores, "RETRY", 0.0)
    caplog.set_level(logging.WARNING)
    (ballast := small_disk / "ballast").write_bytes(b"x" * 40_000)
    store = Store(policy(small_disk))
    written = [store.write([numbered(number, 3000)]) for number in range(12)]
    before = written.index(0)
    assert before > 0
    assert identities(small_disk)[:before] == list(range(before))

    ballast.unlink()
    written.append(store.write([numbered(12, 3000)]))
    assert written[-1] == 1
    store.close()
    told = [(entry.levelname, entry.getMessage()) for entry in caplog.records]
    assert [level for level, _ in told] == ["ERROR", "WARNING"]
    assert "cannot be written, exchanges pass without: [Errno 28] No space left on device" in told[0][1]
    assert "is written again; 1 exchanges are missing" in told[1][1] or written[before:].count(0) > 1
    assert len(identities(small_disk)) == sum(written)


def test_after_a_failure_nothing_is_tried_for_a_while(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    store = Store(policy(tmp_path / "file" / "folder"))
    assert store.write([numbered(0)]) == 0
    assert "cannot be written" in caplog.text
    (tmp_path / "file").unlink()
    assert store.write([numbered(1)]) == 0
    assert not (tmp_path / "file").exists()
