"""A vendor's prefix tells a key, and words that begin alike do not."""

import re

import pytest

from outgate.redact.detect.search import Detectors
from outgate.redact.detect.vendors.prefixes import DRAWN, HEXADECIMAL, KNOWN
from redact.samples import sample

SECRETS = Detectors(["secrets"])


def whole(text):
    return [(hit.start, hit.end) for hit in SECRETS.search([text], [""])] == [(0, len(text))]


def spelt(prefix):
    """The first way to write it."""
    plain = re.sub(r"\(\?:([^|)]+)(?:\|[^)]*)?\)\??", r"\1", prefix).partition("|")[0]
    plain = re.sub(r"\[a-z\]\{[^}]+\}", "prod", plain).replace("[0-9]", "1").replace("[.]", ".")
    return re.sub(r"\[(.)[^\]]*\]", r"\1", plain)


@pytest.mark.parametrize("prefix", [*KNOWN, *DRAWN])
def test_what_is_drawn_behind_a_prefix_is_found(prefix):
    assert whole(sample(f"{spelt(prefix)}{{w40}}"))


@pytest.mark.parametrize("prefix", HEXADECIMAL)
def test_hexadecimal_digits_behind_a_prefix_are_found(prefix):
    assert whole(sample(f"{spelt(prefix)}{{h64}}"))


@pytest.mark.parametrize(
    "text",
    [
        "ak-an-ordinary-name-of-something-2026",
        "console-output-of-the-last-build-17",
        "sk-fading-circle-with-twelve-dots",
        "mb_strtolower_and_mb_substr_count",
        "pin-board-of-the-house-in-bern",
        "polar_regions_of_the_earth_and_more",
        "cs_{h16}",
        "app-{h32}",
        "cs_test_a1{w24}",
    ],
)
def test_words_that_begin_alike_are_none(text):
    assert not whole(sample(text))
