"""`vault` shows what a replacement stands for to who has the key, after a line in the audit, and nothing else of it."""

import json
import os
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from outgate.capture.vault import VaultFile
from outgate.redact.replace.vault import public_key

PAIRS = (("tok_a", "ann"), ("tok_b", "bea\n"), ("4242", "4111"), ("4242", "4000"))


@pytest.fixture
def vault(terminal):
    """A folder with a whole file and one that breaks off."""
    assert terminal.run("vault", "key", "vault.key").exit_code == 0
    recipient = public_key((terminal.path / "vault.key.pub").read_bytes())
    (terminal.path / "vault").mkdir()
    for number, pairs in enumerate((PAIRS[:3], PAIRS[3:])):
        made = VaultFile(terminal.path / "vault" / f"vault-{number}.sealed", recipient)
        for pair in pairs:
            made.keep(*pair)
        if number == 0:
            made.close()
    return "vault"


def audit(terminal, name="vault/audit.ndjson"):
    return [json.loads(line) for line in (terminal.path / name).read_text().splitlines()]


def opened(terminal, *tokens, **environ):
    return terminal.run("vault", "open", "vault", *tokens, "--key", "vault.key", **environ)


def test_a_key_is_made_for_its_owner(terminal, vault):
    assert stat.S_IMODE((terminal.path / "vault.key").stat().st_mode) == 0o600
    again = terminal.run("vault", "key", "vault.key")
    assert (again.exit_code, "is there already" in again.output) == (2, True)


def test_a_list_counts_and_shows_no_value(terminal, vault):
    run = terminal.run("vault", "list", vault, "--key", "vault.key")
    assert run.exit_code == 0
    assert [line.split()[:2] for line in run.stdout.splitlines()[1:]] == [
        ["vault/vault-0.sealed", "3"],
        ["vault/vault-1.sealed", "1"],
    ]
    assert "it breaks off" in run.stdout
    assert not any(original.strip() in run.output for _, original in PAIRS)
    told = json.loads(terminal.run("vault", "list", vault, "--key", "vault.key", "-o", "json").stdout)
    assert [each["whole"] for each in told] == [True, False]


def test_what_is_asked_for_is_shown_and_noted(terminal, vault):
    run = terminal.run("vault", "open", vault, "tok_b", "--key", "vault.key", "--reason", "ticket 7")
    assert run.exit_code == 0
    assert run.stdout.splitlines()[1].split() == ["tok_b", "bea\\n"]
    assert "ann" not in run.output
    (noted,) = audit(terminal)
    assert (noted["asked"], noted["known"], noted["reason"], noted["uid"]) == (["tok_b"], 1, "ticket 7", os.getuid())
    assert "bea" not in json.dumps(noted)
    assert stat.S_IMODE((terminal.path / "vault/audit.ndjson").stat().st_mode) == 0o600


def test_all_values_that_became_one_are_told(terminal, vault):
    told = json.loads(opened(terminal, "4242", "tok_a", "-o", "json").stdout)
    assert told == {"4242": ["4111", "4000"], "tok_a": ["ann"]}


def test_what_is_not_in_it_is_an_answer_of_no_and_noted_too(terminal, vault):
    run = opened(terminal, "tok_z", "tok_a")
    assert (run.exit_code, "not in the vault: tok_z" in run.stderr) == (1, True)
    assert audit(terminal)[0]["known"] == 1


def test_without_an_audit_nothing_is_shown(terminal, vault):
    (terminal.path / "vault/audit.ndjson").mkdir()
    run = opened(terminal, "tok_b")
    assert (run.exit_code, "bea" in run.output) == (2, False)
    assert "so nothing is shown" in run.output


def test_a_key_may_come_from_a_variable(terminal, vault):
    pem = (terminal.path / "vault.key").read_text()
    run = terminal.run("vault", "open", vault, "tok_a", "--key-env", "THE_KEY", "--audit", "a.ndjson", THE_KEY=pem)
    assert (run.exit_code, run.stdout.splitlines()[1].split()) == (0, ["tok_a", "ann"])
    assert len(audit(terminal, "a.ndjson")) == 1


def test_a_key_may_have_a_password(terminal, vault):
    made = X25519PrivateKey.generate()
    locked = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    for name, content in (("locked.key", locked), ("password", b"open sesame\n")):
        (terminal.path / name).write_bytes(content)
        (terminal.path / name).chmod(0o600)
    VaultFile(terminal.path / "mine.sealed", made.public_key()).close()
    arguments = ("vault", "list", "mine.sealed", "--key", "locked.key")
    assert "give it where there is one" in terminal.run(*arguments).output
    assert terminal.run(*arguments, "--password-file", "password").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vault",), "give the private key with --key or with --key-env"),
        (("vault", "--key", "vault.key", "--key-env", "K"), "give the private key with --key or with --key-env"),
        (("vault", "--key-env", "NOT_SET"), "NOT_SET is empty or not set"),
        (("vault", "--key", "open.key"), "mode 0644, so that others may read it; chmod 600 open.key"),
        (("vault", "--key", "other.key"), "holds no vault that this key opens"),
        (("vault.key", "--key", "vault.key"), "this is no vault"),
        (("vault", "--key", "text.key"), "no private key in PEM"),
    ],
)
def test_what_cannot_be_used_is_named(terminal, vault, arguments, said):
    terminal.run("vault", "key", "other.key")
    terminal.write("open.key", (terminal.path / "vault.key").read_text()).chmod(0o644)
    terminal.write("text.key", "text").chmod(0o600)
    run = terminal.run("vault", "list", *arguments)
    assert run.exit_code == 2
    assert said in run.output


def test_no_more_than_so_many_are_asked_for_at_once(terminal, vault):
    run = opened(terminal, *map(str, range(1001)))
    assert (run.exit_code, "are too many at once" in run.output) == (2, True)


@pytest.mark.parametrize("content", [None, "no key"])
def test_a_policy_whose_public_key_cannot_be_used_is_refused(terminal, content):
    if content is not None:
        terminal.write("vault.pub", content)
    terminal.write(
        "policy/policy.yaml",
        f"""
        apiVersion: outgate.dev/v1alpha1
        kind: EgressCapture
        metadata: {{name: c}}
        spec: {{folder: /c, vault: {{key: {terminal.path}/vault.pub, folder: /v}}}}
        """,
    )
    run = terminal.run("check", "policy")
    assert run.exit_code == 1
    assert "mount the public key" in run.output
    assert ("No such file" if content is None else "no public key in PEM") in run.output
