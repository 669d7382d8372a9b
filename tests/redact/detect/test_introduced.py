"""Names of people in texts: by what people are called, and by what leads on to a name."""

import pytest

from outgate.redact.detect import introduced
from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(each.name for each in introduced.DETECTORS)


def found(text, name=""):
    return [text[hit.start : hit.end] for hit in DETECTORS.search([text], [name])]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I met Ingrid Halvorsen there", "Ingrid Halvorsen"),
        ("by Jürgen von der Heide.", "Jürgen von der Heide"),
        ("by Jurgen Mueller-Thurgau.", "Jurgen Mueller-Thurgau"),
        ("owner: María Fernanda López García", "María Fernanda López García"),
        ("with Harold R. Finch,", "Harold R. Finch"),
        ("Łukasz Wójcik; Lukasz Wojcik", "Łukasz Wójcik Lukasz Wojcik"),
        ("Сергей Иванов пишет", "Сергей Иванов"),
        ("by Trần Thị Mai", "Trần Thị Mai"),
        ("to Chidi Okonkwo", "Chidi Okonkwo"),
        ("My name is Zyx Qwert and", "Zyx Qwert"),
        ("mein Name ist Zyx.", "Zyx"),
        ("Je m'appelle Zyx Qwert", "Zyx Qwert"),
        ("Thanks a lot.\n\nKind regards,\nZyx Qwert\nAcme", "Zyx Qwert"),
        ("Danke!\nMit freundlichen Grüßen\n\nZyx Qwert", "Zyx Qwert"),
        ("Gracias.\nUn saludo,\nZyx", "Zyx"),
        ("Dear Zyx,\nyour order", "Zyx"),
        ("Jammer. Groeten, Zyx Qwert, zyx@x.nl", "Zyx Qwert"),
        ("Bill to:  Zyx Qwert\n602 Old", "Zyx Qwert"),
        ("Titular: Zyx Qwert. IBAN", "Zyx Qwert"),
        ("Hola Zyx, tu pedido", "Zyx"),
        ("Hi Zyx!", "Zyx"),
        ("my client, Zyx Qwert, says", "Zyx Qwert"),
        ("his wife Zyx Qwert says", "Zyx Qwert"),
        ("We spoke with Zyx Qwert today", "Zyx Qwert"),
        ("Patient Zyx Qwert, 43", "Zyx Qwert"),
    ],
)
def test_it_is_a_name(text, name):
    assert " ".join(found(text)) == name


@pytest.mark.parametrize(
    "text",
    [
        "Thomas Edison State University",
        "the Martin Luther King Boulevard",
        "Jan Feb Mar",
        "Mark All As Read",
        "Dear Customer,",
        "Dear Sir or Madam,",
        "Hello World!",
        "Hi Team,",
        "Hallo zusammen,",
        "Liebe Kundin,",
        "Regards,\nThe Support Team",
        "Best\nPractices for all",
        "Kind regards,\nyour bank",
        "Sarah",
        "xJohn Doe",
        "Max Length",
        "my client Acme",
        "Done. Thanks, Best Regards,",
        "Patient Portal",
        "spoke with Sales Operations",
        "May June July",
    ],
)
def test_it_is_none(text):
    assert found(text) == []


@pytest.mark.parametrize("name", ["assignee", "created_by", "nome", "displayName", "author"])
def test_in_a_role_a_name_in_full_is_somebodys(name):
    assert found("Zyx Qwert", name) == ["Zyx Qwert"]
    assert found("zyx", name) == found("Zyx", name) == found("Platform Engineering", name) == []
