"""What a command did is one file, and at its place there is never half of one."""

import pytest

from capture.handing import asked
from outgate.capture.reading import Capture
from outgate.exec.captured import Unwritten, capturing
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy
from outgate.policy.snapshot import Policy

OWN = Policy("p", keeping=KeepingPolicy(captures=(CapturePolicy("own", folder="/nowhere"),)))


def test_everything_goes_into_the_file_before_the_captures_of_the_policy(tmp_path):
    file = tmp_path / "out.zst"
    file.write_bytes(b"of before")
    with capturing(OWN, file, tmp_path) as (policy, keeper):
        keeper.start()
        taker = policy.keeping.captures[0]
        assert policy.keeping.captures[1:] == OWN.keeping.captures
        for number in range(3):
            keeper.put(taker, asked(number))
        assert file.read_bytes() == b"of before"
    assert sorted(kept.exchange.id for kept in Capture(file)) == ["0", "1", "2"]
    assert not list(tmp_path.glob(".out*"))


def test_files_that_were_turned_over_are_one(tmp_path, monkeypatch):
    monkeypatch.setattr("outgate.exec.captured.CapturePolicy", small)
    with capturing(Policy("p"), tmp_path / "out", tmp_path) as (policy, keeper):
        keeper.start()
        for number in range(5):
            keeper.put(policy.keeping.captures[0], asked(number))
    assert len(list((tmp_path / "capture").iterdir())) > 1
    assert [kept.exchange.id for kept in Capture(tmp_path / "out")] == ["0", "1", "2", "3", "4"]


def small(name, **facts):
    return CapturePolicy(name, rotate_bytes=1, **facts)


def test_without_a_file_the_policy_says_what_is_kept(tmp_path):
    with capturing(OWN, None, tmp_path) as (policy, _):
        assert policy is OWN
    assert list(tmp_path.iterdir()) == []


def test_nothing_was_tried(tmp_path):
    with capturing(Policy("p"), tmp_path / "out", tmp_path) as (_, keeper):
        keeper.start()
    assert list(Capture(tmp_path / "out")) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    told = f"the capture {tmp_path}/no/out cannot be written: No such file or directory"
    with pytest.raises(Unwritten, match=told), capturing(Policy("p"), tmp_path / "no" / "out", tmp_path):
        pass
