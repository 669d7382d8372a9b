"""Both sides of a difference are shown as they read."""

import gzip

from outgate.cli.difference import of_body


def test_what_says_that_it_is_packed_and_is_not_is_shown_as_it_is(tmp_path):
    file = tmp_path / "note.gz"
    file.write_bytes(b"one\n")
    assert list(of_body(file, b"two\n"))[3:] == ["-one", "+two"]


def test_no_character_of_a_body_reaches_a_terminal(tmp_path):
    file = tmp_path / "note.gz"
    file.write_bytes(gzip.compress(b"\x1b[2J\n"))
    assert list(of_body(file, gzip.compress(b"\xff\n")))[3:] == ["-\\x1b[2J", "+\ufffd"]
