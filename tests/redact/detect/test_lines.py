"""Secrets that have their place in a line, and lines that only look alike."""

import pytest

from outgate.redact.detect.search import Detectors
from redact.samples import sample

SECRETS = Detectors(["secrets"])
DRAWN = sample("{b43}")
SEED = "abandon ability able about above absent absorb abstract absurd abuse access accident"


def found(text):
    return [text[hit.start : hit.end] for hit in SECRETS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("db.internal:5433:ledger:writer:tiger\n", "tiger"),
        ("*:*:*:jane:tiger", "tiger"),
        ("app:tiger@tcp(db:3306)/shop", "tiger"),
        ("app:t@ger@unix(/run/mysqld.sock)/shop", "t@ger"),
        (f'a {{"kty":"RSA","n":"x","d":"{DRAWN}"}}', DRAWN),
        (rf"a {{\"kty\":\"oct\",\"k\":\"{DRAWN}\"}}", DRAWN),
        (f"MNEMONIC={SEED}\nPORT=80", SEED),
        (f'seed_phrase: "{SEED}"', SEED),
        (f"my recovery phrase is {SEED}, keep it", SEED),
        (f"mnemonic: {SEED} {SEED} and more", f"{SEED} {SEED}"),
    ],
)
def test_the_value_is_found(text, value):
    assert found(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:5432:5432",
        "main.go:5432:12: undefined: x",
        "app@tcp(db:3306)/shop",
        f'a {{"d":"{DRAWN}"}}',
        '{"kty":"EC","d":"short"}',
        "recovery phrase: ask somebody",
        f"words: {SEED}",
    ],
)
def test_what_is_no_secret_is_left_alone(text):
    assert found(text) == []
