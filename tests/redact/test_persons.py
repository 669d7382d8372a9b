"""Which objects are about somebody, and what in them is then a name."""

import json

import pytest

from capture.exchanges import exchange
from outgate.policy.redaction_model import KeepingPolicy
from outgate.redact.codecs import form
from outgate.redact.codecs import json as codec
from outgate.redact.labels import Labels
from outgate.redact.persons import Persons


def names(found):
    made = list(found)
    persons = Persons(made)
    return [leaf.text for leaf in made if persons.have(leaf)]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"name": "Zyx Qwert", "email": "z@example.com"}, ["Zyx Qwert"]),
        ({"name": "徐 佳宁", "mobile_phone": "13816042297"}, ["徐 佳宁"]),
        ({"name": "王伟", "email": "w@example.com"}, ["王伟"]),
        ({"name": "Widgets", "email": "info@example.com"}, []),
        ({"name": "Widget Factory GmbH", "email": "info@example.com"}, []),
        ({"name": "Sales Team", "email": "sales@example.com"}, []),
        ({"nom": "DESROCHES", "prenom": "Gwen"}, ["DESROCHES"]),
        ({"given": "SERPIL NUR", "surname": "Y"}, ["SERPIL NUR"]),
        ({"first": "Cornelius", "passportNumber": "A71852969"}, ["Cornelius"]),
        ({"first": "1", "last": "9", "next": "2"}, []),
        ({"username": "zyx", "first_name": "Zyx"}, ["zyx"]),
        ({"userName": "zq", "emails": [{"value": "z@example.com"}]}, ["zq"]),
        ({"username": "postgres", "password": "x"}, []),
        ({"name": "Zyx Qwert", "color": "red"}, []),
        ({"name": "Zyx Qwert", "shop": {"email": "info@example.com"}}, []),
        ({"name": "Zyx Qwert", "email": None}, []),
    ],
)
def test_in_json(document, found):
    assert names(codec.read(json.dumps(document).encode())) == found


def test_in_a_form():
    assert names(form.read(b"nume=Dumi&prenume=Anca&serie=1")) == ["Dumi"]


@pytest.mark.parametrize("filling", [{}, {"filling": ["lorem ipsum"] * 40}], ids=("short", "long"))
def test_both_readers_of_json_go_by_it(filling):
    document = {
        "user": {"username": "zyx", "email": "z@example.com"},
        "tool": {"username": "root", "port": "1"},
    } | filling
    labels = Labels(KeepingPolicy())
    body = json.dumps(document).encode()
    made = labels.put(exchange(answer=body, answered=((b"content-type", b"application/json"),))).exchange
    shown = json.loads(made.response.body.content)
    assert shown["user"]["username"] != "zyx"
    assert shown["tool"] == document["tool"]
