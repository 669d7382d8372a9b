"""A change of a file is noticed, and its bytes are what counts."""

import os
import threading

import pytest

from outgate.policy.tls_model import Inline
from outgate.upstream import watch
from outgate.upstream.watch import contents, digest, stamps


def test_the_same_length_within_the_same_tick_is_noticed(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"aaaa")
    before, time = stamps([str(path)]), path.stat().st_mtime_ns
    path.write_bytes(b"bbbb")
    os.utime(path, ns=(time, time))
    assert stamps([str(path)]) != before


def test_what_is_not_there_has_an_empty_stamp(tmp_path):
    path = tmp_path / "file"
    assert stamps([str(path)]) == ((),)
    path.touch()
    assert stamps([str(path)]) != ((),)


def test_files_are_read_together_and_never_beyond_a_bound(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abcd")
    monkeypatch.setattr(watch, "MAX_BYTES", 4)
    assert contents([str(path)]) == {str(path): b"abcd"}
    path.write_bytes(b"abcde")
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        contents([str(path)])
    with pytest.raises(OSError, match="No such file"):
        contents([str(tmp_path / "none")])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "directory"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, make):
    path, errors = tmp_path / "odd", []
    make(path)

    def read() -> None:
        try:
            contents([str(path)])
        except (OSError, ValueError) as error:
            errors.append(str(error))

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(10)
    assert not reading.is_alive()
    assert str(path) in errors[0]


def test_what_a_document_holds_itself_is_no_file():
    inline = Inline(b"pem")
    assert contents([inline]) == {inline: b"pem"}
    assert stamps([inline]) == ((),)


def test_a_digest_knows_where_its_parts_end():
    assert digest({"a": b"xy", "b": b"z"}) != digest({"a": b"x", "b": b"yz"})
    assert digest({"a": b"x"}) != digest({"b": b"x"})
    assert digest({"a": b"x"}) == digest({"a": b"x"})
