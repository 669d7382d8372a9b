"""A replay inside mitmweb ends with the reason before anything is served, where it can be none. The rest is in e2e."""

import pytest

from capture.exchanges import sealed
from outgate import playback
from outgate.capture.record import write
from outgate.playback import Playback
from outgate.proxy.takeover import Refusal
from outgate.settings import ListenMode

HERE = ("127.0.0.1", 0)


@pytest.fixture
def capture(tmp_path):
    file = tmp_path / "shop.ndjson"
    file.write_bytes(write(sealed("http://a.example/")))
    return file


def test_a_capture_is_read_before_anything_is_served(capture):
    made = Playback(capture, ListenMode.REGULAR, HERE, [])
    made.prepare()
    assert len(made.desk.matcher.entries) == 1
    assert made.server is None


@pytest.mark.parametrize(
    ("mode", "pairs", "told"),
    [
        (ListenMode.SOCKS5, [], "reached by regular or transparent, not by socks5"),
        (ListenMode.REGULAR, ["policy=x"], '"outgate_policy" is set with a replay'),
    ],
)
def test_what_has_no_meaning_here_is_refused(capture, mode, pairs, told):
    with pytest.raises(Refusal, match=told):
        Playback(capture, mode, HERE, pairs).prepare()


@pytest.mark.parametrize(("content", "told"), [(b"", "holds no requests"), (b"{}", "cannot be read")])
def test_what_is_no_capture_is_refused(tmp_path, content, told):
    (file := tmp_path / "capture").write_bytes(content)
    with pytest.raises(Refusal, match=told):
        Playback(file, ListenMode.REGULAR, HERE, []).prepare()
    with pytest.raises(Refusal, match="cannot be read"):
        Playback(tmp_path / "nowhere", ListenMode.REGULAR, HERE, []).prepare()


async def test_an_end_before_it_served_is_one(capture):
    made = Playback(capture, ListenMode.REGULAR, HERE, [])
    made.prepare()
    await made.stop()


def test_mitmweb_is_told_where_and_what(monkeypatch, capture):
    told = []
    monkeypatch.setattr(playback, "mitmweb", lambda *given: told.extend(given) or 0)
    assert playback.run_web(capture, ListenMode.REGULAR, HERE, ("::1", 1)) == 0
    assert told == [ListenMode.REGULAR, HERE, ("::1", 1), playback.SCRIPT, {"replay": str(capture)}]
    assert playback.SCRIPT.is_file()
