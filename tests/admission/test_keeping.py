"""Certificate, key and settings, read again when they change; what cannot be used leaves what was in force."""

from __future__ import annotations

import asyncio
import logging

import pytest

from admission.secured import WITHIN, Pair
from outgate.admission import keeping as module
from outgate.admission.keeping import Files, Keeping, Unusable
from outgate.injection.settings import Settings


@pytest.fixture
def pair(tmp_path):
    made = Pair(tmp_path / "pki")
    made.renew()
    return made


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "injection.yaml"
    made.write_text("image: one:1\n")
    return made


@pytest.fixture
def keeping(pair, file):
    return Keeping(Files(pair.cert, pair.key, file))


def test_without_a_file_the_defaults_hold(pair):
    assert Keeping(Files(pair.cert, pair.key)).settings == Settings()


def test_nothing_changes_as_long_as_nothing_changes(keeping):
    before = keeping.tls
    keeping.look()
    assert keeping.tls is before


def test_a_renewed_certificate_is_taken(keeping, pair):
    before = keeping.tls
    pair.renew()
    keeping.look()
    assert keeping.tls is not before


def test_half_of_a_change_is_not_taken_and_the_other_half_mends_it(keeping, pair, caplog):
    before, other = keeping.tls, pair.authority.server("other", ["other.example"])
    pair.cert.write_bytes(other.cert.read_bytes())
    keeping.look()
    assert keeping.tls is before
    assert "cannot be used" in caplog.text
    assert "what was in force stays" in caplog.text
    pair.key.write_bytes(other.key.read_bytes())
    keeping.look()
    assert keeping.tls is not before


def test_what_cannot_be_used_is_told_once(keeping, pair, caplog):
    pair.cert.unlink()
    for _ in range(3):
        keeping.look()
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_other_settings_are_taken_and_broken_ones_are_not(keeping, file, caplog):
    file.write_text("image: two:2\n")
    keeping.look()
    assert keeping.settings.image == "two:2"
    file.write_text("imag: three:3\n")
    keeping.look()
    assert keeping.settings.image == "two:2"
    assert f'{file}:1:1: imag: unknown field; did you mean "image"?; what was in force stays' in caplog.text
    file.write_text("image: four:4\n")
    keeping.look()
    assert keeping.settings.image == "four:4"


async def test_whatever_fails_it_goes_on_looking(keeping, pair, monkeypatch, caplog):
    monkeypatch.setattr(module, "RECHECK", 0.01)
    before, look, failing = keeping.tls, keeping.look, [True]

    def once():
        if failing:
            failing.clear()
            raise RuntimeError("boom")
        look()

    keeping.look = once
    watching = asyncio.create_task(keeping.run())
    pair.renew()
    async with asyncio.timeout(WITHIN):
        while keeping.tls is before:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    watching.cancel()
    assert "boom" in caplog.text
    assert "what was in force stays" in caplog.text


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: &a [*a]", "\x00", "image: *b", "!!python/name:os.system x"], ids=range(5)
)
def test_settings_of_any_kind_are_taken_or_not(keeping, file, text):
    file.write_text(text)
    keeping.look()
    assert keeping.settings.image == "one:1"


def test_a_broken_certificate_does_not_keep_settings_from_being_read(keeping, pair, file):
    pair.cert.write_text("nonsense")
    file.write_text("image: two:2\n")
    keeping.look()
    assert keeping.settings.image == "two:2"


@pytest.mark.parametrize("spoil", ["missing", "nonsense", "other key", "folder"])
def test_there_is_no_start_without_a_pair(pair, spoil):
    if spoil == "missing":
        pair.cert.unlink()
    elif spoil == "nonsense":
        pair.cert.write_bytes(b"\x00nonsense")
    elif spoil == "other key":
        pair.key.write_bytes(pair.authority.server("other", ["other.example"]).key.read_bytes())
    else:
        pair.key.unlink()
        pair.key.mkdir()
    with pytest.raises(
        Unusable, match=r"tls\.crt with the key .*tls\.key cannot be used .*; name a certificate and its"
    ):
        Keeping(Files(pair.cert, pair.key))


def test_nor_with_settings_that_cannot_be_read(pair, file):
    file.write_text("uid: 0\n")
    with pytest.raises(Unusable, match="uid: 0 is out of range"):
        Keeping(Files(pair.cert, pair.key, file))
    with pytest.raises(Unusable, match="cannot be read"):
        Keeping(Files(pair.cert, pair.key, file.with_name("none.yaml")))
