"""Vaults are read file by file; what cannot be is told, and what was before that is there."""

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from outgate.capture.unsealing import Held, Unsealing
from outgate.capture.vault import VaultFile
from outgate.redact.replace.vault import Kept

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))


def written(path, *pairs, key=KEY, whole=True):
    made = VaultFile(path, key.public_key())
    for pair in pairs:
        made.keep(*pair)
    if whole:
        made.close()
    return path


def test_files_of_a_folder_follow_each_other(tmp_path):
    two = written(tmp_path / "vault-2.sealed", ("b", "2"), whole=False)
    one = written(tmp_path / "vault-1.sealed", ("a", "1"))
    (tmp_path / "capture-1.ndjson.zst").write_bytes(b"")
    opened = Unsealing(tmp_path, KEY)
    assert list(opened) == list(opened) == [Kept("a", "1"), Kept("b", "2")]
    assert (opened.held, opened.problems) == ([Held(one, 1, True), Held(two, 1, False)], [])


def test_what_another_key_opens_is_told_and_the_rest_read(tmp_path):
    written(tmp_path / "vault-1.sealed", ("a", "1"), key=X25519PrivateKey.generate())
    written(tmp_path / "vault-2.sealed", ("b", "2"))
    opened = Unsealing(tmp_path, KEY)
    assert list(opened) == [Kept("b", "2")]
    assert len(opened.held) == len(opened.problems) == 1
    assert "give that private key" in opened.problems[0]


def test_what_was_changed_ends_there(tmp_path):
    file = written(tmp_path / "v", ("a", "1"), ("b", "2"))
    content = bytearray(file.read_bytes())
    content[-30] ^= 1
    file.write_bytes(content)
    opened = Unsealing(file, KEY)
    assert list(opened) == [Kept("a", "1")]
    assert opened.held == []
    assert "is not as it was written" in opened.problems[0]
