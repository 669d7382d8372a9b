"""Every default detector of secrets that tell themselves finds its own example, in bytes as they stand there."""

import pytest

from outgate.capture.leaks.secrets import Secrets
from redact.samples import sample

SECRETS = Secrets()
BY_NAME = {each.name: each for each in SECRETS.detectors}


@pytest.mark.parametrize("name", BY_NAME)
def test_an_example_is_found(name):
    assert list(SECRETS.found(b"\xff\0 see " + sample(BY_NAME[name].example).encode() + b" \0\xff"))


def test_what_is_kept_is_not_looked_for():
    text = sample("AKIA{u16}").encode()
    assert list(SECRETS.found(text)) == ["aws-access-key"]
    assert list(Secrets(["aws-access-key"]).found(text)) == []
    assert list(Secrets(["secrets"]).found(text)) == []


def test_where_memory_is_not_enough_all_are_asked(monkeypatch):
    secrets = Secrets()
    monkeypatch.setattr(secrets, "_set", type("Set", (), {"Match": lambda *_: None})())
    assert list(secrets.found(sample("AKIA{u16}").encode())) == ["aws-access-key"]


def test_a_replacement_is_none():
    assert list(SECRETS.found(b"Bearer tok_secret_abcdefghijklmnop")) == []
    assert list(SECRETS.found(b"https://ann:tok_secret_abcdefghijklmnop@x.example/")) == []
