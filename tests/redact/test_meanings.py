"""Names on the way to a value say what it is."""

import json

import pytest

from capture.exchanges import exchange
from outgate.policy.redaction_model import KeepingPolicy
from outgate.redact.labels import Labels
from outgate.redact.meanings import is_foreign, is_other, together


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("customer", "name"), "customer name"),
        (("recipients", 0, "recipient", "Name"), "recipient Name"),
        (("device", "gps", "latitude"), "gps latitude"),
        (("birth", "date"), "birth date"),
        (("product", "name"), ""),
        (("email", "id"), ""),
        (("patient", "id"), "patient id"),
        (("customer", "color"), ""),
        (("name",), ""),
    ],
)
def test_a_general_name_means_something_together_with_what_it_is_in(path, said):
    assert together(str(path[-1]), path) == said


def test_a_value_is_doubted_by_its_name():
    assert is_other("work_phone", "Phone number")
    assert not is_other("work_phone", "467 3395")
    assert not is_other("title", "Phone number")
    assert is_other("json_web_token", "^9.0.2")
    assert not is_other("password", "1.2.3-hunter")
    assert is_other("born", "yes")
    assert is_other("api_key", "[REDACTED]")
    assert not is_other("birth_date", "12.03.85"), "a day looks like a version"


def test_what_is_in_an_object_with_an_ambiguous_name_has_to_look_like_it():
    assert is_foreign(("routing", "type"), "type", "round_robin")
    assert not is_foreign(("routing", "aba"), "aba", "021000021")
    assert is_foreign(("rfc", "title"), "title", "HTTP Semantics")
    assert is_foreign(("gps", "provider"), "provider", "fused")
    assert not is_foreign(("bank_account", "owner"), "owner", "Jane Doe")


@pytest.mark.parametrize(
    ("path", "text", "foreign"),
    [
        (("token", "scope"), "read", True),
        (("access_key", "status"), "Active", True),
        (("token", "id"), "kX9vQ2mT7bLw4RzN8cYp", False),
        (("token", "value"), "hunter", False),
        (("passport", "email", "id"), "C01X00T47", False),
        (("password", "last"), "hunter", False),
        (("verification_code", "result"), "4711", False),
        (("bank_account", "created_at"), "2026-11-30", True),
        (("bank_account", "id"), "BA0002ZBHDMMCT", True),
        (("passport", "id"), "C01X00T47", False),
        (("passport", "name"), "DOE JANE", False),
        (("birth_date", "year"), "1984", False),
        (("password", "value"), "********", True),
    ],
)
def test_what_is_about_an_object_is_not_it(path, text, foreign):
    assert is_foreign(path, str(path[-1]), text) is foreign


def shown(document: object) -> object:
    body = json.dumps(document).encode()
    labels = Labels(KeepingPolicy())
    made = labels.put(exchange(answer=body, answered=((b"content-type", b"application/json"),))).exchange
    return json.loads(labels.read(made.response.body.content.decode()))


@pytest.mark.parametrize("filling", [{}, {"filling": ["lorem ipsum"] * 40}], ids=("short", "long"))
def test_both_readers_of_json_go_by_them(filling):
    """What is short is read whole, of what is long only what may matter."""
    document = {
        "customer": {"name": "Ingrid Halvorsen", "plan": "gold"},
        "product": {"name": "Desk Lamp"},
        "beneficiary": {"name": "Stromio Energie GmbH"},
        "rider": {"last_position": {"lat": 40.7419, "lon": -73.9893}},
        "shop": {"lat": 52.5211},
        "labels": {"phone": "Phone number", "ssn": "must contain 9 digits"},
        "properties": {"email": {"type": "string", "format": "email"}},
        **filling,
    }
    made = shown(document)
    assert made == document | {
        "customer": {"name": "⟦default-name-by-name⟧", "plan": "gold"},
        "rider": {"last_position": {"lat": "⟦default-geo-by-name⟧", "lon": "⟦default-geo-by-name⟧"}},
    }
