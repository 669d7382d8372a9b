"""Names and streets that a text tells."""

import pytest

from outgate.redact.detect import people
from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(each.name for each in people.DETECTORS)


def found(text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in DETECTORS.search([text], [""])]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Dear Mrs. Jane Q. Doe, hello", ["Jane Q. Doe"]),
        ("Sehr geehrter Herr Dr. Müller-Lüdenscheidt,", ["Müller-Lüdenscheidt"]),
        ("seen by Dr. Willem van der Berg today", ["Willem van der Berg"]),
        ("BEGIN:VCARD\nVERSION:4.0\nFN:Jane Doe\nN:Doe;Jane;;;\nEND:VCARD", ["Jane Doe", "Doe;Jane;;;"]),
        ("BEGIN:VCARD\r\nADR;TYPE=home:;;12 Elm Row;Leeds\r\nEND:VCARD", [";;12 Elm Row;Leeds"]),
        ("send it to 12 Old Mill Lane, Leeds", ["12 Old Mill Lane"]),
        ("at 509 W. Cedar Hollow Rd.", ["509 W. Cedar Hollow Rd"]),
        ("habite au 12 bis, rue de la Paix, Paris", ["12 bis, rue de la Paix"]),
        ("at 19 Cowley Mews, Oxford", ["19 Cowley Mews"]),
        ("Am Mühlgraben 12, Bamberg", ["Am Mühlgraben 12"]),
        ("op Prinsengracht 1043", ["Prinsengracht 1043"]),
        ("vive en Calle de Alcalá 12, Madrid", ["Calle de Alcalá 12"]),
        ("in Via Giuseppe Garibaldi, 7 Torino", ["Via Giuseppe Garibaldi, 7"]),
        ("mora na Rua das Flores, nº 120", ["Rua das Flores, nº 120"]),
        ("ul. Długa 5/12, Kraków", ["ul. Długa 5/12"]),
        ("вул. Соборна, 58, кв. 12", ["вул. Соборна, 58, кв. 12"]),
        ("en la Carrera 15 # 88-21 apto 402", ["Carrera 15 # 88-21 apto 402"]),
        ("6720 Szeged, Kárász utca 9.", ["Kárász utca 9"]),
        ("寄到上海市徐汇区漕溪北路88弄6号1203室，谢谢", ["寄到上海市徐汇区漕溪北路88弄6号1203室"]),
        ("〒150-0041 東京都渋谷区神南1-2-3 です", ["〒150-0041 東京都渋谷区神南1-2-3"]),
        ("wohnt Am Alten Markt, Lange Straße 7a, Köln", ["Lange Straße 7a"]),
    ],
)
def test_it_is_found(text, values):
    assert found(text) == values


@pytest.mark.parametrize(
    "text",
    [
        "MR request 17, DR drill",
        "Mr and Mrs.",
        "FN:Jane Doe without a card around it",
        "chapter 12 of Wall Street journals",
        "12 angry men on the street",
        "Take 5 Apples to Market Stand",
        "strange 12 streets",
    ],
)
def test_it_is_none(text):
    assert found(text) == []
