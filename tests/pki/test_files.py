import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from outgate.pki import files
from outgate.pki.files import Held
from outgate.pki.problem import CertificateProblem, Exists, Unreadable
from outgate.problems import Severity
from pki import odd


def status(mode: int, uid: int, gid: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


def severity(mode: int, uid: int, gid: int) -> Severity | None:
    problem = files.mode_problem(Held("x.key", b"", status(mode, uid, gid)))
    return problem.severity if problem else None


def test_a_file_is_read_with_its_status(tmp_path):
    held = files.read(odd.put(tmp_path / "a.key", b"text", 0o640))
    assert held.data == b"text"
    assert stat.S_IMODE(held.status.st_mode) == 0o640


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="is not a regular file"):
        files.read(tmp_path / "pipe")
    with pytest.raises(Unreadable, match=r"is a directory|is not a regular file"):
        files.read(tmp_path)


def test_an_endless_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_SIZE_LIMIT", 10)
    assert files.read(odd.put(tmp_path / "a", b"x" * 10)).data
    with pytest.raises(Unreadable, match="is larger than 10 bytes"):
        files.read(odd.put(tmp_path / "b", b"x" * 11))


def test_keys_are_for_their_owner_alone():
    us, group = os.geteuid(), os.getegid()
    assert severity(0o600, us, group) is None
    assert severity(0o400, us, group) is None
    assert severity(0o640, us, group) is Severity.WARNING
    for other in (0o604, 0o602, 0o601):
        assert severity(other, us, group) is Severity.ERROR


def test_a_mounted_secret_may_reach_us_through_our_group_to_read():
    other, group = os.geteuid() + 1, os.getegid()
    assert severity(0o440, other, group) is None
    assert severity(0o640, other, group) is None
    assert severity(0o660, other, group) is Severity.WARNING
    assert severity(0o440, other, max([group, *os.getgroups()]) + 1) is Severity.WARNING
    assert severity(0o444, other, group) is Severity.ERROR


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_written_with_its_mode_whatever_the_umask(tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        files.write(tmp_path / "a", b"text", mode, overwrite=False)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_is_replaced_only_when_told_to_and_takes_the_new_mode(tmp_path):
    path = odd.put(tmp_path / "a", b"old", 0o666)
    with pytest.raises(Exists, match=r"exists already; .*--force"):
        files.write(path, b"new", 0o600, overwrite=False)
    assert path.read_bytes() == b"old"
    files.write(path, b"new", 0o600, overwrite=True)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    odd.put(tmp_path / "precious", b"precious")
    (tmp_path / "a").symlink_to("precious")
    files.write(tmp_path / "a", b"new", 0o600, overwrite=True)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "a").is_symlink()


def test_of_several_writers_one_wins_and_a_reader_sees_it_whole(tmp_path):
    def write(number: int) -> bool:
        try:
            files.write(tmp_path / "a", b"%d" % number * 10_000, 0o600, overwrite=False)
        except Exists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert (tmp_path / "a").read_bytes() == b"%d" % won.index(True) * 10_000
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    odd.put(tmp_path / "file", b"")
    with pytest.raises(CertificateProblem, match="cannot be written"):
        files.write(tmp_path / "absent" / "a", b"", 0o600, overwrite=True)
    with pytest.raises(CertificateProblem, match="cannot be written"):
        files.write(tmp_path / "file" / "a", b"", 0o600, overwrite=True)
    with pytest.raises(CertificateProblem, match="cannot be made"):
        files.make_directory(tmp_path / "file" / "a")


def test_a_dangling_link_counts_as_there(tmp_path):
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(Exists):
        files.vacant(tmp_path / "b", tmp_path / "a")
    files.vacant(tmp_path / "b")
