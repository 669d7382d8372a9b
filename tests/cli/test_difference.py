"""Both sides of a difference are shown as they read."""

import gzip
from pathlib import Path

from outgate.cli.difference import of_body

FILE = Path("note.gz")


def test_what_says_that_it_is_packed_and_is_not_is_shown_as_it_is():
    assert list(of_body(FILE, b"one\n", b"two\n"))[3:] == ["-one", "+two"]


def test_no_character_of_a_body_reaches_a_terminal():
    before, after = gzip.compress(b"\x1b[2J\n"), gzip.compress(b"\xff\n")
    assert list(of_body(FILE, before, after))[3:] == ["-\\x1b[2J", "+\ufffd"]
