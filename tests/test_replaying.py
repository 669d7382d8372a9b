"""A file is read by its looks, and a replay beside something else ends with it."""

import threading

import pytest

from capture.exchanges import sealed
from capture.serving.served import serving
from outgate.capture.files import CaptureFile
from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.har_reading import HarFile
from outgate.capture.reading import Capture
from outgate.capture.record import write
from outgate.proxy.flowfile import FlowFileWriter
from outgate.proxy.flowfile_reading import FlowFile
from outgate.replaying import source


@pytest.mark.parametrize(
    ("make", "reader"), [(HarWriter, HarFile), (FlowFileWriter, FlowFile)], ids=lambda each: each.__name__
)
def test_formats_are_known_by_their_looks(tmp_path, make, reader):
    with (tmp_path / "file").open("wb") as out:
        writer = make(out)
        writer.write(sealed())
        writer.close()
    assert isinstance(source(tmp_path / "file"), reader)
    assert len(list(source(tmp_path / "file"))) == 1


def test_captures_too(tmp_path):
    file = CaptureFile(tmp_path, 1e9)
    file.append(write(sealed()))
    file.close()
    (tmp_path / "plain").write_bytes(b"\n" + write(sealed()))
    for path in (tmp_path, file.path, tmp_path / "plain"):
        assert isinstance(source(path), Capture)
        assert len(list(source(path))) == 1
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbf" + b'{"log": {"entries": []}}')
    assert isinstance(source(tmp_path / "marked"), HarFile)


def test_nothing_is_left_of_a_replay():
    before = threading.active_count()
    with serving(sealed()) as served, served.dial():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    with pytest.raises(ConnectionError):
        served.dial()
