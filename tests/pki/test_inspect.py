import os
from datetime import timedelta

import pytest

from outgate.pki.authority import create_authority, save_authority
from outgate.pki.files import Held
from outgate.pki.inspect import examine, inspect
from outgate.pki.issue import Kind, issue, save_issued
from outgate.pki.problem import Unreadable
from pki import odd

KEYS = [odd.new_key() for _ in range(4)]
ROOT = odd.authority("root", KEYS[0])
LEAF = odd.leaf("a.example", KEYS[1], ROOT, KEYS[0])


@pytest.fixture
def directory(tmp_path):
    """An authority and a server's pair, as the commands write them."""
    authority = create_authority("CA", 365)
    save_authority(authority, tmp_path)
    save_issued(issue(authority, Kind.SERVER, ["a.example"], 90), tmp_path, "a.example")
    return tmp_path


def whats(report) -> list[str]:
    return [problem.what for problem in report.problems]


def test_a_sound_directory_has_facts_and_no_problems(directory):
    odd.put(directory / "README.md", b"not a certificate")
    (directory / "..data").mkdir()
    report = inspect([directory])
    assert [fact.where.file for fact in report.certificates] == [
        str(directory / name) for name in ("a.example.crt", "outgate-ca.crt")
    ]
    assert [fact.key_matches for fact in report.certificates] == [True, True]
    assert [fact.mode for fact in report.keys] == ["0600", "0600"]
    assert report.problems == ()


def test_a_file_brings_its_key_and_finds_its_issuer_beside_it(directory):
    report = inspect([directory / "a.example.crt"])
    assert [fact.subject for fact in report.certificates] == ["CN=a.example"]
    assert report.certificates[0].key == str(directory / "a.example.key")
    assert report.problems == ()
    (directory / "outgate-ca.crt").unlink()
    assert "chain incomplete" in whats(inspect([directory / "a.example.crt"]))[0]


def test_a_key_of_another_certificate_is_a_problem(directory):
    os.replace(directory / "outgate-ca.key", directory / "a.example.key")
    report = inspect([directory])
    (problem,) = report.problems
    assert str(problem).startswith(
        f"{directory}/a.example.key:1:1: the private key does not belong to {directory}/a.ex"
    )
    assert [fact.key_matches for fact in report.certificates] == [False, None]


def test_a_key_under_any_name_finds_the_certificate_it_fits(tmp_path):
    odd.put(tmp_path / "cert-chain.pem", odd.pem(LEAF))
    odd.put(tmp_path / "key.pem", odd.key_pem(KEYS[1]))
    odd.put(tmp_path / "root-cert.pem", odd.pem(ROOT))
    report = inspect([tmp_path])
    assert report.problems == ()
    assert report.keys[0].certificate == str(tmp_path / "cert-chain.pem")
    odd.put(tmp_path / "key.pem", odd.key_pem(KEYS[2]))
    assert whats(inspect([tmp_path])) == ["the private key belongs to no certificate inspected"]


def test_a_key_in_the_certificates_own_file_is_compared_with_the_first(tmp_path):
    path = odd.put(tmp_path / "both.pem", odd.key_pem(KEYS[1]) + odd.pem(LEAF, ROOT))
    assert inspect([path]).problems == ()
    odd.put(path, odd.key_pem(KEYS[0]) + odd.pem(LEAF, ROOT))
    assert whats(inspect([path])) == [f"the private key does not belong to {path}"]


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o640, 1), (0o644, 1)])
def test_open_keys_are_problems(directory, mode, count):
    (directory / "a.example.key").chmod(mode)
    report = inspect([directory])
    assert len(report.problems) == count
    assert all(f"mode {mode:04o}" in what for what in whats(report))


def test_expired_and_expiring_certificates_are_problems(directory, clock):
    clock.pass_days(91)
    assert "'CN=a.example' expired on" in whats(inspect([directory], clock=clock))[0]
    clock.pass_days(-10)
    assert whats(inspect([directory], clock=clock))[0].startswith("'CN=a.example' expires in 8 days")
    assert inspect([directory], clock=clock, within=timedelta(days=5)).problems == ()
    assert len(inspect([directory], clock=clock, within=timedelta(days=3000)).problems) == 2


def test_an_authority_python_refuses_is_a_problem(tmp_path):
    bare = odd.certificate("bare", KEYS[0], [(odd.AUTHORITY, True), (odd.identifier(KEYS[0]), False)])
    report = inspect([odd.put(tmp_path / "ca.crt", odd.pem(bare))])
    assert whats(report) == ["'CN=bare' is an authority without key usage; Python 3.13 and later refuse it"]


def test_one_broken_file_does_not_hide_the_others(directory):
    odd.put(directory / "broken.crt", b"\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    odd.put(directory / "empty.pem", b"")
    odd.put(directory / "locked.key", odd.key_pem(KEYS[0], "secret"))
    report = inspect([directory])
    assert len(report.certificates) == 2
    assert [str(problem.where) for problem in report.problems] == [
        f"{directory}/broken.crt:2:1",
        f"{directory}/empty.pem",
        f"{directory}/locked.key:1:1",
    ]


def test_what_is_not_there_cannot_be_inspected(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read"):
        inspect([tmp_path / "absent.crt"])
    with pytest.raises(Unreadable, match="run outgate certs init"):
        inspect([tmp_path])


def test_a_trust_store_of_the_system_is_inspected_whole():
    """Every certificate of a real store becomes a fact, or a problem with its line."""
    from outgate.pki.roots import system_roots

    held = Held("roots.pem", odd.pem(*system_roots()))
    report = examine([held], now=odd.NOW)
    assert len(report.certificates) == held.data.count(b"BEGIN CERTIFICATE")
    assert not [what for what in whats(report) if "chain incomplete" in what]


def test_examining_bytes_needs_no_file():
    held = [Held("a.crt", odd.pem(LEAF)), Held("a.key", odd.key_pem(KEYS[1]))]
    assert examine(held, now=odd.NOW, roots=[ROOT]).problems == ()
    assert "is nowhere" in examine(held, now=odd.NOW).problems[0].what
    assert examine(held, now=odd.NOW, beside=[Held("ca.crt", odd.pem(ROOT))]).keys[0].mode is None
