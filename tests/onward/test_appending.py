"""What was recorded becomes part of the capture, in the form that it has; what is no capture is left alone."""

import pytest
import zstandard

from capture.exchanges import sealed
from outgate.capture.files import CaptureFile
from outgate.capture.reading import Capture
from outgate.capture.record import write
from outgate.onward.appending import NoCapture, folder_of

OLD, NEW = write(sealed("https://api.example/old")), write(sealed("https://api.example/new"))


def recorded(capture):
    with folder_of(capture) as folder:
        folder.mkdir(exist_ok=True)
        file = CaptureFile(folder, 2e9)
        file.append(NEW)
        file.close()


def targets(capture):
    found = Capture(capture)
    kept = [each.exchange.request.target for each in found]
    return kept, found.problems


@pytest.mark.parametrize(
    "content", [OLD, OLD.rstrip(b"\n"), zstandard.compress(OLD)], ids=["lines", "no end of a line", "packed"]
)
def test_at_the_end_of_a_file(tmp_path, content):
    (tmp_path / "capture").write_bytes(content)
    recorded(tmp_path / "capture")
    assert targets(tmp_path / "capture") == (["/old", "/new"], [])
    assert [path.name for path in tmp_path.iterdir()] == ["capture"]


def test_behind_a_record_that_was_torn(tmp_path):
    (tmp_path / "capture").write_bytes(OLD + OLD[:30])
    recorded(tmp_path / "capture")
    kept, problems = targets(tmp_path / "capture")
    assert kept == ["/old", "/new"]
    assert len(problems) == 1


@pytest.mark.parametrize("name", ["empty", "empty.ndjson.zst"])
def test_to_an_empty_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    recorded(tmp_path / name)
    assert targets(tmp_path / name) == (["/new"], [])


def test_into_a_folder(tmp_path):
    file = CaptureFile(tmp_path, 1e9)
    file.append(OLD)
    file.close()
    recorded(tmp_path)
    assert targets(tmp_path) == (["/old", "/new"], [])


def test_nothing_recorded_changes_nothing(tmp_path):
    (tmp_path / "capture").write_bytes(OLD)
    with folder_of(tmp_path / "capture"):
        pass
    assert (tmp_path / "capture").read_bytes() == OLD


def test_what_is_no_capture_is_refused(tmp_path):
    (tmp_path / "shop.har").write_text('{"log": {}}')
    with pytest.raises(NoCapture, match="export it with -f ndjson"), folder_of(tmp_path / "shop.har"):
        pass
    with pytest.raises(OSError, match="none"), folder_of(tmp_path / "none"):
        pass
