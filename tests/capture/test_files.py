"""A file holds every record that `append` returned from, wherever its writer was cut off."""

import os
import shutil
import subprocess
from random import Random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from capture.exchanges import sealed
from outgate.capture import record
from outgate.capture.files import CaptureFile, begun, found
from outgate.capture.frames import BLOCK
from outgate.capture.reading import Capture


def line(number, size=10):
    return record.write(
        sealed(id=str(number), answer=Random(number).randbytes(size // 2) + b"x" * (size // 2), started=1e9 + number)
    )


def identities(path):
    return [kept.exchange.id for kept in Capture(path)]


def test_it_can_be_read_while_it_is_written(tmp_path):
    file = CaptureFile(tmp_path, 1e9)
    for number in range(3):
        file.append(line(number))
        assert identities(tmp_path) == [str(each) for each in range(number + 1)]
    file.close()
    assert len(identities(file.path)) == 3


def test_however_much_it_holds_the_last_record_is_there(tmp_path):
    """Decoders that work by the buffer keep the end of a file that is not ended."""
    file, random = CaptureFile(tmp_path, 1e9), Random(1)
    for number in range(300):
        file.append(line(number, random.randrange(100, 9000)))
        assert number % 7 or len(identities(tmp_path)) == number + 1
    file.close()


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd")
def test_other_programs_read_it(tmp_path):
    file = CaptureFile(tmp_path, 1e9)
    file.append(line(1))
    file.close()
    shown = subprocess.run(["zstd", "-dc", file.path], capture_output=True, check=True).stdout
    assert shown == line(1)


def test_torn_at_any_byte_it_loses_what_was_torn(tmp_path):
    """And nothing that was whole, and says what it left."""
    file, ends = CaptureFile(tmp_path, 1e9), []
    for number in range(3):
        file.append(line(number))
        ends.append(file.size)
    file.close()
    content = file.path.read_bytes()
    head = zstandard.frame_header_size(content)
    for length in range(len(content)):
        file.path.write_bytes(content[:length])
        capture = Capture(file.path)
        read = [kept.exchange.id for kept in capture]
        assert read[: sum(end <= length for end in ends)] == ["0", "1", "2"][: sum(end <= length for end in ends)]
        assert len(read) + len(capture.problems) <= 3
        torn = length - max((end for end in (head, *ends) if end <= length), default=-BLOCK)
        if length <= ends[-1]:  # what follows closes the frame, and holds nothing
            assert bool(capture.problems) == (torn >= BLOCK and length > 0)
    assert len(read) == 3


@given(at=st.integers(0, 600), change=st.integers(1, 255))
def test_a_changed_byte_is_no_traceback(at, change, tmp_path_factory):
    folder = tmp_path_factory.mktemp("changed")
    file = CaptureFile(folder, 1e9)
    for number in range(3):
        file.append(line(number))
    file.close()
    content = bytearray(file.path.read_bytes())
    content[at % len(content)] ^= change
    file.path.write_bytes(content)
    capture = Capture(file.path)
    assert len(list(capture)) <= 3


def test_a_plain_file_is_read_too(tmp_path):
    (plain := tmp_path / "plain.ndjson").write_bytes(line(1) + b"\n" + line(2).rstrip())
    assert identities(plain) == ["1", "2"]


def test_what_cannot_be_read_is_named_and_the_rest_is_read(tmp_path):
    (plain := tmp_path / "plain.ndjson").write_bytes(line(1) + b'{"schema": 7}\n' + line(2) + line(3)[:50])
    capture = Capture(plain)
    assert [kept.exchange.id for kept in capture] == ["1", "2"]
    assert capture.problems == [
        f"{plain}: record 2 is left out: schema is no text",
        f"{plain}: record 4 is torn: 50 bytes of it are there",
    ]


def test_of_a_folder_the_rest_is_read_where_a_file_is_gone_in_the_middle(tmp_path):
    for number in range(3):
        file = CaptureFile(tmp_path, 1e9 + 100 * number)
        file.append(line(100 * number))
        file.close()
    middle = found(tmp_path)[1]
    capture = Capture(tmp_path)
    records = iter(capture)
    assert next(records).exchange.id == "0"
    middle.unlink()
    assert [kept.exchange.id for kept in records] == ["200"]
    assert capture.problems == [f"{middle}: it cannot be read: No such file or directory"]


def test_two_at_one_moment_have_names_of_their_own(tmp_path):
    files = [CaptureFile(tmp_path, 1e9) for _ in range(3)]
    for file in files:
        file.close()
    assert [path.name for path in found(tmp_path)] == [file.path.name for file in files]
    assert [begun(file.path) for file in files] == pytest.approx([1e9] * 3, abs=1e-4)


def test_writers_stand_beside_each_other(tmp_path):
    early, late = CaptureFile(tmp_path, 1e9), CaptureFile(tmp_path, 1e9 + 3)
    for number in (0, 2, 4, 6):
        early.append(line(number))
    for number in (3, 5, 7):
        late.append(line(number))
    early.close()
    late.close()
    assert identities(tmp_path) == ["0", "2", "3", "4", "5", "6", "7"]


def test_no_more_files_are_open_than_were_written_at_once(tmp_path):
    for number in range(20):
        file = CaptureFile(tmp_path, 1e9 + number)
        file.append(line(number))
        file.close()
    before = len(os.listdir("/proc/self/fd"))
    most = max(len(os.listdir("/proc/self/fd")) for _ in Capture(tmp_path))
    assert most <= before + 3
