"""Schemas of the formats, and what is wrong with a document by them.

Written from the specifications: HAR 1.2, and WireMock's and Hoverfly's as far as files of stubs go. The checker knows
the words that they are written in, and refuses others.
"""

import re
from datetime import datetime
from urllib.parse import urlsplit

KNOWN = {"type", "required", "properties", "items", "pattern", "format", "minimum", "enum", "others", "oneOf"}
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def faults(found, schema, where="$"):
    """What is wrong, a line each. `others`: the schema of properties that are not named; False: there are none."""
    assert schema.keys() <= KNOWN, schema
    if "oneOf" in schema:
        tried = [list(faults(found, each, where)) for each in schema["oneOf"]]
        return [] if sum(not each for each in tried) == 1 else [f"{where} fits {tried}"]
    kind = TYPES[schema["type"]] if "type" in schema else object
    if not isinstance(found, kind) or (isinstance(found, bool) and schema.get("type") not in (None, "boolean")):
        return [f"{where} is no {schema['type']}"]
    return [*_of_value(found, schema, where), *_of_parts(found, schema, where)]


def _of_value(found, schema, where):
    if "minimum" in schema and found < schema["minimum"]:
        yield f"{where} is less than {schema['minimum']}"
    if "pattern" in schema and not re.search(schema["pattern"], found):
        yield f"{where} does not fit {schema['pattern']}"
    if "enum" in schema and found not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"
    if schema.get("format") == "date-time":
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", found):
            yield f"{where} is no moment"
        datetime.fromisoformat(found)
    if schema.get("format") == "uri" and not (urlsplit(found).scheme and found.isascii() and " " not in found):
        yield f"{where} is no address"


def _of_parts(found, schema, where):
    if isinstance(found, dict):
        named = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in found:
                yield f"{where}.{name} is missing"
        for name, value in found.items():
            inner = named.get(name, schema.get("others", {}))
            if inner is False:
                if not name.startswith("_"):
                    yield f"{where}.{name} is not known"
            else:
                yield from faults(value, inner, f"{where}.{name}")
    if isinstance(found, list):
        for number, each in enumerate(found):
            yield from faults(each, schema.get("items", {}), f"{where}[{number}]")


STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
SIZE = {"type": "integer", "minimum": -1}
SPAN = {"type": "number", "minimum": -1}
MOMENT = {"type": "string", "format": "date-time"}


def objects(required, others=False, **properties):
    return {"type": "object", "required": required.split(), "properties": properties, "others": others}


def listed(schema):
    return {"type": "array", "items": schema}


# HAR 1.2. What is not in the specification begins with an underscore.

PAIR = objects("name value", name=STRING, value=STRING, comment=STRING)
COOKIE = objects(
    "name value",
    **dict.fromkeys(("name", "value", "path", "domain", "comment"), STRING),
    expires=MOMENT,
    httpOnly=BOOLEAN,
    secure=BOOLEAN,
)
PARAM = objects("name", **dict.fromkeys(("name", "value", "fileName", "contentType", "comment"), STRING))
POSTED = {
    "oneOf": [
        objects("mimeType text", mimeType=STRING, text=STRING, comment=STRING),
        objects("mimeType params", mimeType=STRING, params=listed(PARAM), comment=STRING),
    ]
}
CONTENT = objects(
    "size mimeType",
    size=INTEGER,
    compression=INTEGER,
    mimeType=STRING,
    text=STRING,
    encoding={"type": "string", "enum": ["base64"]},
    comment=STRING,
)
MESSAGE = {
    "httpVersion": STRING,
    "cookies": listed(COOKIE),
    "headers": listed(PAIR),
    "headersSize": SIZE,
    "bodySize": SIZE,
    "comment": STRING,
}
REQUEST = objects(
    "method url httpVersion cookies headers queryString headersSize bodySize",
    **MESSAGE,
    method=STRING,
    url={"type": "string", "format": "uri"},
    queryString=listed(PAIR),
    postData=POSTED,
)
RESPONSE = objects(
    "status statusText httpVersion cookies headers content redirectURL headersSize bodySize",
    **MESSAGE,
    status=INTEGER,
    statusText=STRING,
    content=CONTENT,
    redirectURL=STRING,
)
TIMINGS = objects(
    "send wait receive",
    **dict.fromkeys(("dns", "connect", "blocked", "ssl"), SPAN),
    **{name: {"type": "number", "minimum": 0} for name in ("send", "wait", "receive")},
    comment=STRING,
)
ENTRY = objects(
    "startedDateTime time request response cache timings",
    startedDateTime=MOMENT,
    time={"type": "number", "minimum": 0},
    request=REQUEST,
    response=RESPONSE,
    cache=objects(""),
    timings=TIMINGS,
    pageref=STRING,
    serverIPAddress=STRING,
    connection=STRING,
    comment=STRING,
)
HAR = objects(
    "log",
    log=objects(
        "version creator entries",
        version={"type": "string", "enum": ["1.2"]},
        creator=objects("name version", name=STRING, version=STRING, comment=STRING),
        entries=listed(ENTRY),
        pages=listed({}),
        comment=STRING,
    ),
)

# WireMock 3, of a stub mapping as its files have it.

PATTERN = {
    "oneOf": [
        objects("equalTo", equalTo=STRING),
        objects("binaryEqualTo", binaryEqualTo=STRING),
        objects("equalToJson", equalToJson=STRING, ignoreExtraElements=BOOLEAN, ignoreArrayOrder=BOOLEAN),
        objects("equalToXml", equalToXml=STRING),
        objects("hasExactly", hasExactly=listed(objects("equalTo", equalTo=STRING))),
    ]
}
PATTERNS = {"type": "object", "others": PATTERN}
URLS = ("url", "urlPath", "urlPathPattern")
MAPPING = objects(
    "request response",
    **dict.fromkeys(("name", "scenarioName", "requiredScenarioState", "newScenarioState"), STRING),
    priority={"type": "integer", "minimum": 1},
    metadata={"type": "object"},
    request=objects(
        "method",
        method={"type": "string", "pattern": "^[A-Z]+$"},
        **{name: {"type": "string", "pattern": "^/"} for name in URLS},
        queryParameters=PATTERNS,
        formParameters=PATTERNS,
        bodyPatterns=listed(PATTERN),
        multipartPatterns=listed(objects("", name=STRING, bodyPatterns=listed(PATTERN))),
    ),
    response=objects(
        "",
        status=INTEGER,
        statusMessage=STRING,
        headers={"type": "object", "others": {"oneOf": [STRING, listed(STRING)]}},
        bodyFileName={"type": "string", "pattern": r"^[\w.-]+$"},
        fault={"type": "string", "enum": ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"]},
        chunkedDribbleDelay=objects("numberOfChunks totalDuration", numberOfChunks=INTEGER, totalDuration=INTEGER),
    ),
)

# Hoverfly, schema v5.2.

MATCHER = objects(
    "matcher value",
    matcher={"type": "string", "enum": ["exact", "glob", "json", "jsonPartial", "xml", "form"]},
    value={},
)
STATES = {"type": "object", "others": STRING}
SIMULATION = objects(
    "data meta",
    meta=objects("schemaVersion", schemaVersion={"type": "string", "enum": ["v5.2"]}),
    data=objects(
        "pairs globalActions",
        globalActions=objects("", delays=listed({}), delaysLogNormal=listed({})),
        pairs=listed(
            objects(
                "request response",
                request=objects(
                    "method scheme destination path",
                    **{name: listed(MATCHER) for name in ("method", "scheme", "destination", "path", "body")},
                    query={"type": "object", "others": listed(MATCHER)},
                    requiresState=STATES,
                ),
                response=objects(
                    "status body encodedBody templated",
                    status=INTEGER,
                    body=STRING,
                    encodedBody=BOOLEAN,
                    templated=BOOLEAN,
                    headers={"type": "object", "others": listed(STRING)},
                    transitionsState=STATES,
                ),
            )
        ),
    ),
)
