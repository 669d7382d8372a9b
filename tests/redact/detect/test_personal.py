"""Personal data is told from what is written alike."""

import pytest

from outgate.redact.detect.search import Detectors

PERSONAL = Detectors(["pii"])


def found(text):
    return [text[hit.start : hit.end] for hit in PERSONAL.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mailto:ann@example.com", "ann@example.com"),
        ("请联系ann@example.cn谢谢", "ann@example.cn"),
        ("<ann.o'neil@example.ie>", "ann.o'neil@example.ie"),
        ("to=ann%2Bx@example.com&y", "ann%2Bx@example.com"),
        ("card 4111 1111 1111 1111 123", "4111 1111 1111 1111"),
        ("card-4111111111111111", "4111111111111111"),
        ("DE89 3704 0044 0532 0130 00 EUR", "DE89 3704 0044 0532 0130 00"),
        ("call +49 (0)30 901820.", "+49 (0)30 901820"),
        ("01 23 45 67 89", "01 23 45 67 89"),
        ("born on 17 May 1985", "17 May 1985"),
        ("415.555.2671x0135", "415.555.2671x0135"),
        ("(415)555-2671 ext. 12", "(415)555-2671 ext. 12"),
        ("001-415-555-2671", "001-415-555-2671"),
        ("01.84.17.61.18", "01.84.17.61.18"),
        ("(0113) 496 0123", "(0113) 496 0123"),
        ("0532 123 45 67", "0532 123 45 67"),
        ("030/9018200", "030/9018200"),
        ("Phone:\n60-56-85-91", "60-56-85-91"),
        ("call me on 9472 7916", "9472 7916"),
        ("cc 4111111111119", "4111111111119"),
        ("my passport is AAA123456", "AAA123456"),
        ("my driver's license number is 6940579", "6940579"),
        ("943-476-5919", "943-476-5919"),
        ("1EG4TE5MK73", "1EG4TE5MK73"),
        ("TIN 123-456-789-000", "123-456-789-000"),
    ],
)
def test_the_value_is_found(text, value):
    assert found(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "https://ann@example.com/x",
        "git@github.com:acme/app.git",
        "@types/node@20.1.2",
        "logo@2x.png",
        "0.4111111111111111",
        "4111111111111112",
        "12345678-4111-1111-1111-111111111111",
        "6.5+20250216-2",
        "00 01 02 03 04 05 06 07",
        "2026-11-30T08:15:30+0000",
        "978-3-16-148410-0",
        "blk_-4111111111111111",
        "[-4111111111111111]",
        "676147040917790724",
        "3552 3534 3375 4530 3515 3479",
        "2341 2341 2346 2341",
        "2026-09-12 0123",
        "ac170a98-0112-0225-67eb-05ae671752e6",
    ],
)
def test_what_is_written_alike_is_left_alone(text):
    assert found(text) == []
