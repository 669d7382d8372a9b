"""Nothing starts that cannot prove who it is on its hop, or not judge who the other end is."""

import shutil
from pathlib import Path

import pytest

from outgate.hop_ways import gateway_of, hop_tls, proxy_of, require_identity
from outgate.policy.model import NameKind, SubjectName
from outgate.settings import Settings, SettingsError, read_settings
from upstream.authorities import Authority

WEB, GATEWAY = "spiffe://cluster.local/ns/prod/sa/web", "spiffe://cluster.local/ns/egress/sa/gateway"


@pytest.fixture
def files(tmp_path) -> Path:
    """A CA and a certificate as a mounted Secret has them."""
    ca = Authority(tmp_path, "ca")
    pair = ca.issue("web", uris=(WEB,))
    for source, name in ((ca.path, "ca.crt"), (pair.certificate, "tls.crt"), (pair.key, "tls.key")):
        shutil.copy(source, tmp_path / name)
    return tmp_path


def read(files: Path, *pairs: str, serves: bool = False) -> Settings:
    role = ("mode=gateway",) if serves else ("gateway=gw.egress.svc:15443", f"gateway_id={GATEWAY}")
    named = {"gateway_cert": "tls.crt", "gateway_key": "tls.key", "gateway_ca": "ca.crt"}
    return read_settings({}, [*role, *(f"{name}={files / file}" for name, file in named.items()), *pairs], {})


@pytest.mark.parametrize("serves", [False, True], ids=["sidecar", "gateway"])
def test_whole_files_are_fine(files, serves):
    require_identity(read(files, serves=serves))
    require_identity(read_settings({}, [], {}))


@pytest.mark.parametrize("serves", [False, True], ids=["sidecar", "gateway"])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda files: (files / "tls.key").unlink(), "tls.key: No such file or directory; mount it"),
        (lambda files: (files / "ca.crt").write_text("no certificate"), "ca.crt holds no certificate"),
        (lambda files: shutil.copy(files / "ca.crt", files / "tls.crt"), "they do not belong together"),
        (lambda files: Authority(files, "another").issue("tls", dns=("web.example",)), "tls.crt names no SPIFFE ID"),
    ],
    ids=["missing", "no CA", "no pair", "no identity"],
)
def test_what_cannot_be_used_does_not_start(files, serves, spoil, says):
    spoil(files)
    if (files / "tls.pem").exists():
        (files / "tls.pem").replace(files / "tls.crt")
    with pytest.raises(SettingsError, match=says):
        require_identity(read(files, serves=serves))


def test_a_gateway_has_to_prove_its_id_by_the_newest_tls(files):
    tls = hop_tls(read(files).hops)
    assert (tls.names, tls.minimum_version) == ((SubjectName(NameKind.URI, GATEWAY),), "TLSv1.3")
    assert gateway_of(read(files).hops).addresses == (("gw.egress.svc", 15443),)
    assert gateway_of(read(files, serves=True).hops) is None


@pytest.mark.parametrize(("url", "secure"), [("http://proxy.corp:3128", False), ("https://proxy.corp:3128", True)])
def test_a_proxy_is_where_its_url_says(files, url, secure):
    proxy = proxy_of(read(files, f"upstream_proxy={url}", "upstream_proxy_credentials_file=/c").hops)
    assert (proxy.address, proxy.tls is not None, proxy.file) == (("proxy.corp", 3128), secure, Path("/c"))
    assert proxy_of(read(files).hops) is None
