"""Values whose name stands beside them."""

from json import dumps, loads

import pytest

from capture.exchanges import exchange
from outgate.policy.redaction_model import KeepingPolicy
from outgate.redact.codecs import json, xml
from outgate.redact.labels import Labels
from outgate.redact.pairs import Pairs


def named(found):
    """The name that each value has from beside, if any."""
    made = tuple(found)
    pairs = Pairs(made)
    names = {leaf.text: pairs.name(leaf) for leaf in made}
    return {text: name for text, name in names.items() if name}


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (b'[{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]', {"1": "a", "2": "b"}),
        (b'[{"value": "1", "name": "a"}]', {"1": "a"}),
        (b'{"Key": "a", "Value": "1"}', {"1": "a"}),
        (b'{"name": "a", "values": ["1", "2"]}', {"1": "a", "2": "a"}),
        (b'{"name": "a", "other": {"value": "1"}}', {}),
        (b'{"op": "replace", "path": "/user/password", "value": "1"}', {"1": "/user/password"}),
        (b'{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "1"}', {"1": "https://fhir.nhs.uk/Id/nhs-number"}),
        (b'{"label": "Phone", "value": "1"}', {"1": "Phone"}),
        (b'{"value": "1"}', {}),
    ],
)
def test_in_json(document, names):
    assert named(json.read(document)) == names


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (b"<a><p><name>x</name><value>1</value></p><p><name>y</name><value>2</value></p></a>", {"1": "x", "2": "y"}),
        (b'<a><p name="x" value="1"/></a>', {"1": "x"}),
        (b'<a><p name="x">1</p></a>', {"1": "x"}),
        (b'<s:A xmlns:s="u" Name="mail"><s:AttributeValue>1</s:AttributeValue></s:A>', {"1": "mail"}),
    ],
)
def test_in_xml(document, names):
    assert named(xml.read(document)) == names


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (b'{"kty": "RSA", "n": "1", "d": "2", "p": "3"}', {"2": "private key", "3": "private key"}),
        (b'{"keys": [{"k": "1", "kty": "oct"}, {"d": "2"}]}', {"1": "private key"}),
        (b'{"kty": "EC", "x": {"d": "1"}, "y": "2"}', {}),
        (b'{"d": "1", "k": "2"}', {}),
    ],
)
def test_in_keys(document, names):
    assert named(json.read(document)) == names


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (b'{"kind": "Secret", "data": {"user": "1", "x": "2"}, "type": "Opaque"}', {"1": "secret", "2": "secret"}),
        (b'{"kind": "Secret", "stringData": {"a": {"b": "1"}}}', {"1": "secret"}),
        (b'{"kind": "SecretList", "items": [{"data": {"user": "1"}, "kind": "x"}]}', {"1": "secret"}),
        (b'{"kind": "ConfigMap", "data": {"user": "1"}}', {}),
        (b'{"kind": "Secret", "metadata": {"name": "a"}}', {}),
        (b'{"value": "1", "id": "https://acme.vault.azure.net/secrets/db/7"}', {"1": "secret"}),
        (b'{"value": "1", "id": "https://acme.example/items/7"}', {}),
    ],
)
def test_in_secrets(document, names):
    assert named(json.read(document)) == names


FILLING = {"filling": [f"lorem ipsum {number}" for number in range(40)]}


@pytest.mark.parametrize("filling", [{}, FILLING], ids=("short", "long"))
@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"kind": "Secret", "data": {"user": "cGF5bWVudHM", "zone": "eu"}}, ("data", "zone")),
        ({"value": "hunter", "id": "https://acme.vault.azure.net/secrets/db/7"}, ("value",)),
        ({"kty": "oct", "k": "hunter"}, ("k",)),
        ({"op": "replace", "path": "password", "value": "hunter"}, ("value",)),
    ],
)
def test_both_readers_of_json_go_by_them(document, place, filling):
    """What is short is read whole, of what is long only what may matter."""
    body = dumps(document | filling).encode()
    made = Labels(KeepingPolicy()).put(exchange(answer=body, answered=((b"content-type", b"application/json"),)))
    shown, given = loads(made.exchange.response.body.content), document
    for step in place:
        shown, given = shown[step], given[step]
    assert shown != given
    assert "filling" not in filling or loads(made.exchange.response.body.content)["filling"] == FILLING["filling"]
