"""The file of a vault: sealed, for its owner, whole or cut between two records."""

import errno
import os
import stat
import subprocess
import sys
import textwrap

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from outgate.capture import vault
from outgate.capture.vault import VaultFile
from outgate.redact.replace.vault import Kept, Opened

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))


def opened(path):
    with path.open("rb") as file:
        found = Opened(file, KEY)
        return list(found), found.whole


def test_what_is_kept_is_in_the_file_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "v"
    made = VaultFile(path, KEY.public_key())
    for token, original in (("a", "one"), ("b", "two"), ("a", "one")):
        made.keep(token, original)
    assert opened(path) == ([Kept("a", "one"), Kept("b", "two")], False)
    made.close()
    made.close()
    assert made.closed
    assert opened(path) == ([Kept("a", "one"), Kept("b", "two")], True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ValueError, match="closed; begin another file"):
        made.keep("c", "three")


def test_a_file_is_never_gone_on_with(tmp_path):
    VaultFile(tmp_path / "v", KEY.public_key()).close()
    with pytest.raises(FileExistsError):
        VaultFile(tmp_path / "v", KEY.public_key())


def test_what_is_remembered_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(vault, "REMEMBERED", 2)
    made = VaultFile(tmp_path / "v", KEY.public_key())
    for token in "abcabc":
        made.keep(token, token)
    made.close()
    assert [kept.token for kept in opened(tmp_path / "v")[0]] == list("abcabc")


def test_a_full_disk_leaves_whole_records(tmp_path, monkeypatch):
    made = VaultFile(tmp_path / "v", KEY.public_key())
    made.keep("a", "one")
    real, left = os.write, [20]

    def write(file, data):
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = real(file, bytes(data)[: left[0]])
        left[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        made.keep("b", "two")
    assert made.closed
    assert opened(tmp_path / "v") == ([Kept("a", "one")], False)


def test_what_was_kept_before_a_kill_is_there(tmp_path):
    script = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
        from outgate.capture.vault import VaultFile
        key = X25519PrivateKey.from_private_bytes(bytes(range(32)))
        made = VaultFile(Path({str(tmp_path / "v")!r}), key.public_key())
        made.keep("a", "one")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=60)
    assert run.returncode == -9
    assert opened(tmp_path / "v") == ([Kept("a", "one")], False)
