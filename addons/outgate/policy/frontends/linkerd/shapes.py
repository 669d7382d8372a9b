"""The shapes of routes of the Gateway API, as far as an EgressNetwork may be their parent.

Owns the fields of HTTPRoute, GRPCRoute, TLSRoute and TCPRoute. What they come to is `routes.py`'s.
"""

from __future__ import annotations

from outgate.policy.model import Fate
from outgate.policy.schema import Anything, Choice, Duration, Field, Fields, Integer, Sequence, Text

PORT = Integer(1, 65535)
NAME = Text(empty=False)

PARENT = Fields(
    {
        "group": Field(Text()),
        "kind": Field(Text()),
        "name": Field(NAME, required=True),
        "namespace": Field(Text()),
        "port": Field(PORT),
        "sectionName": Field(Text(), fate=Fate.IGNORED, note="an EgressNetwork has no sections"),
    }
)
HEADER = Fields({"name": Field(NAME, required=True), "value": Field(Text(), required=True)})
CHANGES = Fields({"set": Field(Sequence(HEADER)), "add": Field(Sequence(HEADER)), "remove": Field(Sequence(Text()))})
PATH_CHANGE = Fields(
    {
        "type": Field(Choice(("ReplaceFullPath", "ReplacePrefixMatch")), required=True),
        "replaceFullPath": Field(Text()),
        "replacePrefixMatch": Field(Text()),
    }
)
REDIRECT = Fields(
    {
        "scheme": Field(Choice(("http", "https"))),
        "hostname": Field(Text()),
        "path": Field(PATH_CHANGE),
        "port": Field(PORT),
        "statusCode": Field(Integer(300, 399)),
    }
)
FILTER = Fields(
    {
        "type": Field(Choice(("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect")), required=True),
        "requestHeaderModifier": Field(CHANGES),
        "responseHeaderModifier": Field(CHANGES),
        "requestRedirect": Field(REDIRECT),
    }
)
BACKEND = Fields(
    {
        "group": Field(Text()),
        "kind": Field(Text()),
        "name": Field(NAME, required=True),
        "namespace": Field(Text()),
        "port": Field(PORT),
        "weight": Field(Integer(0, 1_000_000)),
        "filters": Field(Sequence(FILTER), fate=Fate.LATER, guards=True, note="put them on the rule"),
    }
)

MATCH_TYPE = Choice(("Exact", "RegularExpression"))
NAMED = Fields({"type": Field(MATCH_TYPE), "name": Field(NAME, required=True), "value": Field(Text(), required=True)})
PATH = Fields({"type": Field(Choice(("Exact", "PathPrefix", "RegularExpression"))), "value": Field(Text())})
HTTP_MATCH = Fields(
    {
        "path": Field(PATH),
        "method": Field(Text()),
        "headers": Field(Sequence(NAMED)),
        "queryParams": Field(Sequence(NAMED)),
    }
)
CALL = Fields({"type": Field(MATCH_TYPE), "service": Field(Text()), "method": Field(Text())})
GRPC_MATCH = Fields({"method": Field(CALL), "headers": Field(Sequence(NAMED))})
TIMEOUTS = Fields({"request": Field(Duration(least=0)), "backendRequest": Field(Duration(least=0))})
RULE_NAME = Field(Text(), fate=Fate.IGNORED, note="a name for people")


def _rule(match: Fields | None, *, timeouts: bool) -> Fields:
    """One rule; without matches where bytes are routed."""
    fields = {"name": RULE_NAME, "backendRefs": Field(Sequence(BACKEND))}
    if match is not None:
        fields |= {"matches": Field(Sequence(match)), "filters": Field(Sequence(FILTER))}
    if timeouts:
        fields["timeouts"] = Field(TIMEOUTS)
    for name in ("retry", "sessionPersistence"):
        fields[name] = Field(Anything(), fate=Fate.LATER, note="use the annotations of retry.linkerd.io")
    return Fields(fields)


def _spec(rule: Fields, *, hostnames: bool) -> Fields:
    named = {"hostnames": Field(Sequence(Text(empty=False)))} if hostnames else {}
    return Fields({"parentRefs": Field(Sequence(PARENT)), "rules": Field(Sequence(rule)), **named})


SPECS = {
    "HTTPRoute": _spec(_rule(HTTP_MATCH, timeouts=True), hostnames=True),
    "GRPCRoute": _spec(_rule(GRPC_MATCH, timeouts=False), hostnames=True),
    "TLSRoute": _spec(_rule(None, timeouts=False), hostnames=True),
    "TCPRoute": _spec(_rule(None, timeouts=False), hostnames=False),
}
