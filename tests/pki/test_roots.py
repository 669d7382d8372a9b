import pytest

from outgate.pki import roots
from outgate.pki.problem import Unreadable
from pki import odd

ROOT = odd.authority("root", odd.new_key())


def test_the_file_named_by_the_environment_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(odd.put(tmp_path / "roots.pem", odd.pem(ROOT))))
    assert roots.system_roots() == [ROOT]


def test_a_file_without_certificates_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(odd.put(tmp_path / "empty.pem", b"")))
    monkeypatch.setattr(roots, "_PLACES", [str(odd.put(tmp_path / "roots.pem", odd.pem(ROOT)))])
    monkeypatch.setattr(roots.ssl, "get_default_verify_paths", lambda: Paths(str(tmp_path / "absent.pem")))
    assert roots.system_roots() == [ROOT]


def test_a_system_without_roots_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr(roots, "_PLACES", [str(tmp_path / "absent.pem")])
    monkeypatch.setattr(roots.ssl, "get_default_verify_paths", lambda: Paths(str(tmp_path / "absent.pem")))
    with pytest.raises(Unreadable, match="install ca-certificates, or use --roots FILE"):
        roots.system_roots()


class Paths:
    """What `ssl` says of its own places."""

    def __init__(self, openssl_cafile: str) -> None:
        self.openssl_cafile = openssl_cafile
