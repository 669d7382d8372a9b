"""A secret that tells itself is noticed in a short text, and ordinary texts are not looked at."""

import pytest

from outgate.redact.detect.telling import holds_secret
from redact.samples import sample


@pytest.mark.parametrize("example", ["ghp_{w36}", "AKIA{u16}", "xoxb-{d12}-{d12}-{w24}", "glpat-{b20}"])
def test_a_token_is_noticed_wherever_it_stands(example):
    secret = sample(example)
    for text in (secret, f"/v1/{secret}/items", f"it is {secret}, hä"):
        assert holds_secret(text), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/v1/items/7",
        "/v1/0b1c6b2e-8a3f-4b60-9c53-0e8d1f6f7a10/items",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "/assets/application-3f2a9c.min.js",
        "\udcff" * 20,
    ],
)
def test_an_ordinary_text_is_none(text):
    assert not holds_secret(text)
