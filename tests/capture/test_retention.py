"""Old files go, those that are written to stay."""

import os

from outgate.capture.files import CaptureFile, found
from outgate.capture.retention import prune


def made(folder, count, size=100):
    """Closed files, one second apart."""
    for number in range(count):
        file = CaptureFile(folder, 1e9 + number)
        file.close()
        file.path.write_bytes(b"x" * size)
        os.utime(file.path, (1e9 + number, 1e9 + number))
    return found(folder)


def test_by_age(tmp_path):
    paths = made(tmp_path, 4)
    assert prune(tmp_path, 1e9 + 2, 10_000) == 2
    assert found(tmp_path) == paths[2:]


def test_by_the_bytes_of_all_of_them(tmp_path):
    paths = made(tmp_path, 4)
    assert prune(tmp_path, 0, 250) == 2
    assert found(tmp_path) == paths[2:]
    assert prune(tmp_path, 0, 250) == 0


def test_what_is_written_to_stays_and_counts(tmp_path):
    open_one = CaptureFile(tmp_path, 0)
    open_one.append(b"y" * 100)
    made(tmp_path, 2)
    assert prune(tmp_path, 2e9, 0) == 2
    assert found(tmp_path) == [open_one.path]
    open_one.close()
    assert prune(tmp_path, 0, 1000) == 0
    assert prune(tmp_path, 0, 0) == 1


def test_other_files_are_nobodys(tmp_path):
    (other := tmp_path / "capture-notes.txt").write_text("mine")
    assert prune(tmp_path, float("inf"), 0) == 0
    assert other.exists()
