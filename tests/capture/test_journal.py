"""Whoever follows a writer that was killed finishes what it had written, and undoes what it had begun."""

import pytest

from outgate.capture.journal import Journal
from outgate.capture.shared import COUNTS, Shared

AFTER = {word: 100 + number for number, word in enumerate(COUNTS)}


@pytest.fixture
def shared():
    return Shared.make(1 << 12)


def counted(shared):
    return {word: shared.words[word] for word in COUNTS}


def killed(shared, path, before, length):
    """In the middle of writing."""
    path.write_bytes(b"a" * before)
    journal = Journal(shared)
    journal.begin(AFTER)
    journal.note(path, before, length)


@pytest.mark.parametrize("more", [0, 9], ids=["all of it", "and the end of the file"])
def test_what_was_written_whole_has_happened(shared, tmp_path, more):
    killed(shared, tmp_path / "file", 10, 5)
    (tmp_path / "file").write_bytes(b"a" * (15 + more))
    Journal(shared).settle()
    assert counted(shared) == AFTER
    assert (tmp_path / "file").stat().st_size == 15 + more


@pytest.mark.parametrize("written", [0, 1, 4])
def test_what_was_written_in_part_has_not(shared, tmp_path, written):
    killed(shared, tmp_path / "file", 10, 5)
    (tmp_path / "file").write_bytes(b"a" * (10 + written))
    Journal(shared).settle()
    assert set(counted(shared).values()) == {0}
    assert (tmp_path / "file").read_bytes() == b"a" * 10


def test_a_file_that_held_nothing_else_goes(shared, tmp_path):
    killed(shared, tmp_path / "file", 0, 5)
    Journal(shared).settle()
    assert not (tmp_path / "file").exists()


def test_a_file_that_is_gone_was_never_written(shared, tmp_path):
    killed(shared, tmp_path / "file", 10, 5)
    (tmp_path / "file").unlink()
    Journal(shared).settle()
    assert set(counted(shared).values()) == {0}


@pytest.mark.parametrize("settled", [False, True])
def test_what_came_to_its_end_is_not_looked_at_again(shared, tmp_path, settled):
    killed(shared, tmp_path / "file", 10, 5)
    if settled:
        Journal(shared).settle()
    else:
        journal = Journal(shared)
        journal.begin(AFTER)
        journal.done()
    (tmp_path / "file").write_bytes(b"b" * 12)
    Journal(shared).settle()
    assert (tmp_path / "file").read_bytes() == b"b" * 12


def test_a_path_that_is_too_long_is_not_noted(shared, tmp_path):
    journal = Journal(shared)
    journal.begin(AFTER)
    journal.note(tmp_path / ("x" * 9000), 0, 5)
    Journal(shared).settle()
    assert set(counted(shared).values()) == {0}
