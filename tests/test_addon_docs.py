"""What `docs/addons.md` shows loads and does what it says, and its example keeps its promises without a gate."""

import importlib.util
from datetime import UTC, datetime

import pytest

from docpages.markdown import ROOT, Page
from outgate.addon import Denied, Destination, Request
from outgate.proxy.loading import load_addons

PAGE = Page("docs/addons.md")
SIGNER = ROOT / "docs" / "examples" / "addons" / "signer.py"


@pytest.mark.parametrize("block", PAGE.blocks("python"), ids=lambda block: str(block.line))
def test_what_the_page_shows_is_an_addon(tmp_path, block):
    path = tmp_path / "shown.py"
    path.write_text(block.text)
    assert load_addons([str(path)])


@pytest.fixture
def signer(monkeypatch, tmp_path):
    """The example's module."""
    (tmp_path / "key").write_bytes(b"0" * 32)
    for name, value in {"HOSTS": "api.example", "KEY_ID": "k", "KEY_FILE": str(tmp_path / "key")}.items():
        monkeypatch.setenv(f"SIGNER_{name}", value)
    spec = importlib.util.spec_from_file_location("signer", SIGNER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(signer, **told):
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    return signer.Signer(frozenset({"api.example"}), "k", b"0" * 32, now=lambda: now, **told)


def request(host="api.example", body=b"", **told):
    given = {"method": "GET", "path": "/x", "destination": Destination(host, 443, tls=True)} | told
    return Request({"host": host}, body=body, **given)


def signature(asked) -> str:
    return asked.headers["x-signature"]


def test_every_part_of_a_request_is_signed(signer):
    signing, seen = made(signer), set()
    variants = [
        request(),
        request(method="POST"),
        request(path="/x?y"),
        request(body=b"hello"),
        request(body=None),
    ]
    for asked in variants:
        signing.on_request(asked)
        assert asked.headers["date"] == "Mon, 01 Jun 2026 12:00:00 GMT"
        seen.add(signature(asked))
    assert len(seen) == len(variants)


def test_the_digest_is_that_of_the_page(signer):
    asked = request(body=b"hello")
    made(signer).on_request(asked)
    assert f"content-digest: {asked.headers['content-digest']}" in PAGE.text


def test_other_hosts_are_left_alone(signer):
    asked = request("other.example")
    made(signer).on_request(asked)
    assert asked.changes == {}
    assert made(signer).body_limit(asked) == 0


def test_plain_text_is_not_signed(signer):
    with pytest.raises(Denied, match="signature_needs_tls"):
        made(signer).on_request(request(destination=Destination("api.example", 80)))


def test_a_short_key_is_refused(signer):
    with pytest.raises(ValueError, match="the key has 5 bytes"):
        signer.Signer(frozenset(), "k", b"short")
