"""What a schema says about a value stays, and what may be the value itself does not."""

import pytest

from outgate.redact.codecs import json
from outgate.redact.schemas import Schemas


def described(document):
    """The values that speak about another one."""
    made = tuple(json.read(document))
    schemas = Schemas(made)
    return [leaf.text for leaf in made if schemas.describe(leaf)]


@pytest.mark.parametrize(
    ("document", "about"),
    [
        (b'{"password": {"type": "string", "format": "password", "example": "tiger"}}', ["string", "password"]),
        (b'{"a": {"title": "A", "type": "integer"}, "b": {"title": "B"}}', ["A", "integer"]),
        (b'{"secret": {"type": "opaque", "description": "d"}}', []),
        (b'{"secret": {"type": {"type": "string"}, "title": "t"}}', ["string"]),
        (b'["type", "string"]', []),
    ],
)
def test_members_that_describe(document, about):
    assert described(document) == about
