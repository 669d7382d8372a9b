"""Names in texts that tell personal data: in logs, settings, forms that were printed."""

import pytest

from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(["personal-assignment", "personal-line"])


def found(text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in DETECTORS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('level=warn last_name="van Doe" attempt=2', None),
        ('level=warn last_name="Doe" attempt=2', "Doe"),
        ("GET /a?lastName=Ph%E1%BA%A1m&b=1", "Ph%E1%BA%A1m"),
        ("id: 7\nFull name: Jane Q. Doe\nok: yes", "Jane Q. Doe"),
        ("Plate number: B-KL 4839", "B-KL 4839"),
        ("plan: x\nBillingAddress: '12 Elm Row, Leeds'\n", "12 Elm Row, Leeds"),
        ('mailing_address="PO Box 12, Leeds"', "PO Box 12, Leeds"),
        ("customer_tax_id: '86095742719'", "86095742719"),
        ("passport_no=C01X00T47 rejected", "C01X00T47"),
        ("> Zip code: 94537", "94537"),
    ],
)
def test_it_is_found(text, value):
    assert found(text) == ([] if value is None else [value])


@pytest.mark.parametrize(
    "text",
    [
        "first_name: str",
        "lastName: String",
        "surname = user.surname",
        "last_name = models.CharField(max_length=80)",
        'zip = "${ZIP}"',
        "License: Apache-2.0",
        "SPDX-License-Identifier: MIT",
        "mobile: 768px",
        "phone_number_length=4000",
        "passport: required, see page 4711 of the terms",
        "full_name: PERSON",
        "the street: a place where people walk",
        "first_name: First name",
        "xlast_name=Doe",
        "birthDate: new Date(2026)",
    ],
)
def test_it_is_none(text):
    assert found(text) == []
