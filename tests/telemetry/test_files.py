"""A log in a file: turned over when large, moved away by others, written to by several, cut off by no full disk."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from outgate.telemetry import files
from outgate.telemetry.files import FileSink

LIMIT = 10.0
ADDONS = Path(__file__).parents[2] / "addons"


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.001)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.log"


def wrote(sink, *lines):
    for line in lines:
        sink.put(line)
    until(lambda: sink.done == sink.taken)


def test_lines_are_appended_in_order(path):
    path.write_bytes(b"before\n")
    sink = FileSink(path)
    for number in range(200):
        sink.put(b"%d\n" % number)
    sink.close()
    assert path.read_bytes() == b"before\n" + b"".join(b"%d\n" % number for number in range(200))
    assert (sink.written, sink.dropped) == (200, 0)
    assert not sink.thread.is_alive()


def test_others_than_owner_and_group_do_not_read_it(path):
    sink = FileSink(path)
    wrote(sink, b"a\n")
    sink.close()
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_a_file_that_is_large_is_turned_over_and_the_oldest_goes(path):
    sink = FileSink(path, most=10, kept=2)
    for letter in b"abcde":
        wrote(sink, bytes([letter]) * 7 + b"\n")
    sink.close()
    assert sorted(found.name for found in path.parent.iterdir()) == ["access.log", "access.log.1", "access.log.2"]
    assert path.read_bytes() == b"eeeeeee\n"
    assert path.with_name("access.log.1").read_bytes() == b"ddddddd\n"
    assert path.with_name("access.log.2").read_bytes() == b"ccccccc\n"
    assert sink.written == 5


def test_lines_of_one_write_are_spread_over_files_and_none_is_split(path, monkeypatch):
    monkeypatch.setattr("outgate.telemetry.sinks.GATHER", 0.1)
    sink = FileSink(path, most=100, kept=100)
    lines = [b"%03d" % number + b"x" * (number % 7) + b"\n" for number in range(300)]
    wrote(sink, *lines)
    sink.close()
    found = sorted(path.parent.glob("access.log.*"), key=lambda each: -int(each.suffix[1:]))
    assert all(each.stat().st_size <= 100 for each in [*found, path])
    assert b"".join(each.read_bytes() for each in [*found, path]).splitlines(keepends=True) == lines


def test_a_line_longer_than_a_file_may_be_has_one_of_its_own(path):
    sink = FileSink(path, most=10, kept=3)
    wrote(sink, b"a\n")
    wrote(sink, b"b" * 50 + b"\n")
    wrote(sink, b"c\n")
    sink.close()
    assert path.read_bytes() == b"c\n"
    assert len(path.with_name("access.log.1").read_bytes()) == 51
    assert sink.dropped == 0


def test_without_files_to_keep_the_old_one_goes(path):
    sink = FileSink(path, most=3, kept=0)
    wrote(sink, b"aa\n")
    wrote(sink, b"bb\n")
    sink.close()
    assert [found.name for found in path.parent.iterdir()] == ["access.log"]
    assert path.read_bytes() == b"bb\n"


def test_a_file_that_was_moved_away_is_made_again_without_a_word(path):
    sink = FileSink(path)
    wrote(sink, b"a\n")
    path.rename(path.with_name("moved"))
    wrote(sink, b"b\n")
    sink.close()
    assert path.with_name("moved").read_bytes() == b"a\n"
    assert path.read_bytes() == b"b\n"


def test_a_file_that_was_emptied_is_written_from_its_beginning(path):
    sink = FileSink(path)
    wrote(sink, b"a\n")
    os.truncate(path, 0)
    wrote(sink, b"b\n")
    sink.close()
    assert path.read_bytes() == b"b\n"


def test_a_line_that_somebody_else_broke_off_is_ended(path):
    path.write_bytes(b'{"half": ')
    sink = FileSink(path)
    wrote(sink, b"a\n")
    sink.close()
    assert path.read_bytes() == b'{"half": \na\n'
    assert sink.written == 1


def test_a_full_disk_leaves_no_part_of_a_line_and_is_told_of(path, monkeypatch, caplog):
    room = [7]

    def write(file, data):
        if not (taken := min(room[0], len(data))):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= taken
        return os.pwrite(file, data[:taken], os.fstat(file).st_size)

    monkeypatch.setattr(files.os, "write", write)
    sink = FileSink(path)
    wrote(sink, b"one\n")
    wrote(sink, b"two\n")
    assert path.read_bytes() == b"one\n"
    room[0] = 100
    wrote(sink, b"three\n")
    sink.close()
    assert path.read_bytes() == b"one\nthree\n"
    assert (sink.written, sink.failed) == (2, 1)
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text


def test_a_directory_that_is_not_there_costs_lines_and_recovers(tmp_path, caplog):
    path = tmp_path / "logs" / "access.log"
    sink = FileSink(path)
    wrote(sink, b"a\n")
    path.parent.mkdir()
    wrote(sink, b"b\n")
    sink.close()
    assert path.read_bytes() == b"b\n"
    assert (sink.written, sink.failed) == (1, 1)
    assert f"the access log {path} cannot be written" in caplog.text


def test_a_pipe_is_written_to_and_never_turned_over(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = FileSink(fifo, most=4)
    wrote(sink, b"one\n", b"two\n", b"three\n")
    assert os.read(reading, 100) == b"one\ntwo\nthree\n"
    sink.close()
    os.close(reading)
    assert [found.name for found in tmp_path.iterdir()] == ["fifo"]


WRITING = """
import sys
from pathlib import Path
from outgate.telemetry.files import FileSink
sink = FileSink(Path(sys.argv[1]), most=20_000, kept=1000)
for number in range(2000):
    sink.put(f"{sys.argv[2]} {number:05} {'x' * (number % 50)}\\n".encode())
sink.close(20)
"""


def test_several_processes_share_a_file_that_is_turned_over_beneath_them(path):
    command = [sys.executable, "-c", WRITING, str(path)]
    writers = [subprocess.Popen([*command, letter], env={"PYTHONPATH": str(ADDONS)}) for letter in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = sorted(path.parent.glob("access.log.*"), key=lambda each: -int(each.suffix[1:]))
    lines = b"".join(each.read_bytes() for each in [*found, path]).decode().splitlines()
    for letter in "abc":
        assert [line.split()[1] for line in lines if line[0] == letter] == [f"{number:05}" for number in range(2000)]
    assert len(lines) == 6000
    assert len(found) > 3
