"""A vault beside a capture: files that follow each other, and a capture that goes on without one."""

import fcntl
import logging
import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outgate.capture.unsealing import Unsealing
from outgate.capture.vaults import RETRY, TOLD, Vault, Vaults, found
from outgate.policy.redaction_model import CapturePolicy, VaultPolicy
from outgate.redact.replace.vault import MOST

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def policy(tmp_path):
    key = tmp_path / "vault.pub"
    key.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return VaultPolicy(str(key), str(tmp_path / "vault"))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def vault(policy, clock=None, **facts):
    return Vault(CapturePolicy("c", folder="/captures", vault=policy, **facts), policy, clock or Clock())


def held(tmp_path):
    opened = Unsealing(tmp_path / "vault", KEY)
    kept = [tuple(each) for each in opened]
    assert opened.problems == []
    return kept, [each.whole for each in opened.held]


def test_nothing_is_begun_before_there_is_something_to_keep(policy, tmp_path):
    vault(policy).close()
    assert not (tmp_path / "vault").exists()


def test_what_is_kept_is_whole_once_it_is_closed(policy, tmp_path):
    made = vault(policy)
    made.keep("tok_a", "ann")
    made.keep("tok_a", "ann")
    assert held(tmp_path) == ([("tok_a", "ann")], [False])
    made.close()
    made.close()
    assert held(tmp_path) == ([("tok_a", "ann")], [True])
    (file,) = found(tmp_path / "vault")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_file_is_turned_over_by_its_age_and_by_its_size(policy, tmp_path):
    clock = Clock()
    made = vault(policy, clock, rotate_seconds=10.0, rotate_bytes=65536)
    made.keep("a", "1")
    clock.now += 10
    made.keep("b", "x" * 70_000)
    made.keep("c", "3")
    made.close()
    assert len(found(tmp_path / "vault")) == 3
    assert [token for token, _ in held(tmp_path)[0]] == ["a", "b", "c"]


def test_old_files_go_and_such_that_somebody_writes_to_stay(policy, tmp_path):
    made, other = vault(policy, retention=50.0), vault(policy, retention=50.0)
    made.keep("a", "1")
    made.close()
    other.keep("b", "2")
    for file in found(tmp_path / "vault"):
        os.utime(file, (1, 1))
    made.keep("c", "3")
    made.close()
    other.close()
    assert [token for token, _ in held(tmp_path)[0]] == ["b", "c"]


@pytest.mark.parametrize("wrong", ["gone", "no key"])
def test_a_key_that_cannot_be_used_costs_the_vault_alone(policy, tmp_path, caplog, wrong):
    key = tmp_path / "vault.pub"
    key.unlink() if wrong == "gone" else key.write_text("no key")
    clock = Clock()
    made = vault(policy, clock)
    for _ in range(3):
        made.keep("a", "s3cret")
        clock.now += RETRY
    assert (made.failed, (tmp_path / "vault").exists()) == (3, False)
    assert [(each.levelno, "s3cret" in each.getMessage()) for each in caplog.records] == [(logging.ERROR, False)]
    clock.now += TOLD
    made.keep("a", "s3cret")
    assert len(caplog.records) == 2


def test_between_two_tries_nothing_is_tried(policy, tmp_path):
    made = vault(policy)
    (tmp_path / "vault").write_text("no folder")
    made.keep("a", "1")
    (tmp_path / "vault").unlink()
    made.keep("b", "2")
    assert (made.failed, (tmp_path / "vault").exists()) == (2, False)


def test_a_value_that_is_too_long_is_lost_alone(policy, tmp_path):
    made = vault(policy)
    made.keep("a", "1")
    made.keep("b", "x" * MOST)
    made.keep("c", "3")
    made.close()
    assert (made.failed, held(tmp_path)[0]) == (1, [("a", "1"), ("c", "3")])


def test_vaults_follow_the_captures(policy, tmp_path):
    capture = CapturePolicy("c", folder="/captures", vault=policy)
    vaults = Vaults()
    vaults.follow([capture])
    vaults.of(capture).keep("a", "1")
    vaults.follow([capture])
    vaults.of(capture).keep("b", "2")
    assert held(tmp_path)[1] == [False]
    vaults.follow([])
    assert held(tmp_path) == ([("a", "1"), ("b", "2")], [True])
    assert vaults.of(CapturePolicy("plain", folder="/c")) is None


def test_what_ended_vaults_could_not_keep_stays_counted(policy, tmp_path):
    (tmp_path / "vault.pub").unlink()
    vaults, capture = Vaults(), CapturePolicy("c", folder="/captures", vault=policy)
    vaults.of(capture).keep("a", "1")
    vaults.close()
    assert vaults.failed == 1


def test_a_file_is_locked_while_it_is_written(policy, tmp_path):
    made = vault(policy)
    made.keep("a", "1")
    with found(tmp_path / "vault")[0].open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    made.close()
