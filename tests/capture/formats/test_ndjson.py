"""Lines are the records: what is written is a capture."""

from capture.formats.written import kinds, tunnel
from outgate.capture.formats.ndjson import LineWriter
from outgate.capture.reading import Capture


def test_what_is_written_is_a_capture(tmp_path):
    kept = [*kinds().values(), tunnel()]
    with (tmp_path / "out.ndjson").open("wb") as out:
        writer = LineWriter(out)
        assert {writer.write(each) for each in kept} == {""}
        writer.close()
    capture = Capture(tmp_path / "out.ndjson")
    assert list(capture) == kept
    assert capture.problems == []
