"""The `match` block of an `EgressRedaction` or an `EgressCapture`: which exchanges it is about.

Owns its shape and its translation.
"""

from __future__ import annotations

from outgate.policy.frontends.native.shapes import Filled, Host
from outgate.policy.redaction_model import Matching
from outgate.policy.schema import Field, Fields, Record, Sequence, Text

METHOD = Text(pattern=r"[!#$%&'*+.^_`|~0-9A-Z-]+", hint="write it as it is sent, such as GET")
PATH = Text(pattern=r"/[^*?#]*\*?", hint='write an exact path, or its beginning and a "*": /v1/*; the query is no part')
MEDIA_TYPE = Text(
    pattern=r"[a-z0-9!#$&^_.+-]+/(?:\*|[a-z0-9!#$&^_.+-]+)",
    hint="write application/json or text/*, in lower case and without parameters",
)
MATCH = Filled(
    Fields(
        {
            "hosts": Field(Sequence(Host(), least=1, most=1024)),
            "methods": Field(Sequence(METHOD, least=1)),
            "paths": Field(Sequence(PATH, least=1, most=1024)),
            "mediaTypes": Field(Sequence(MEDIA_TYPE, least=1)),
        }
    )
)


def matching(spec: Record) -> Matching:
    """What the block of a spec says; everything where there is none."""
    record: Record | None = spec.get("match")
    if record is None:
        return Matching()
    return Matching(*(tuple(dict.fromkeys(record.get(name, ()))) for name in MATCH.of.fields))
