"""What was drawn by a machine is told from words, slugs, numbers and identifiers."""

import pytest

from outgate.redact.detect.randomness import entropy, random
from redact.samples import sample


@pytest.mark.parametrize("template", ["{w20}", "{w40}", "{u32}", "{l32}", "{h32}", "{h64}", "{b43}", "{w40}=="])
def test_drawn_words_are_random(template):
    assert sum(random(sample(template, seed)) for seed in range(200)) >= 190


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short1A",
        "checkout-session-2026-summary-page",
        "com.example.application.settings.theme",
        "2026/11/30/08/report-final-version-2.pdf",
        "MAX_RETRY_COUNT_EXCEEDED_ERROR",
        "getUserSessionConfiguration2",
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678901234567890123456789012",
        "00000000000000000000000000000000",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
        "a1" * 400,
    ],
)
def test_what_has_a_meaning_is_not(text):
    assert not random(text)


def test_entropy_is_in_bits_of_a_character():
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcdabcd") == 2
