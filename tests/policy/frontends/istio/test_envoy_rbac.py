"""The referee of access rules reads Envoy's configuration as Envoy does, and stops at what it does not know."""

from dataclasses import replace

import pytest

from policy.frontends.istio.envoy_rbac import Connection, Outcome, evaluate

SEEN = Connection(
    "spiffe://td/ns/a/sa/b", "10.0.0.1", "192.0.2.1", 80, "sni.example", {":path": "/a/b?c", "x": "One", "empty": ""}
)


def rules(permission=None, principal=None, action="ALLOW"):
    anything = {"any": True}
    policy = {"permissions": [permission or anything], "principals": [principal or anything]}
    return {"action": action, "policies": {"p": policy}}


def allowed(permission=None, principal=None, seen=SEEN) -> bool:
    return evaluate([{"typedConfig": {"rules": rules(permission, principal)}}], seen).allowed


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ({"any": True}, True),
        ({"notRule": {"any": True}}, False),
        ({"andRules": {"rules": [{"any": True}, {"destinationPort": 80}]}}, True),
        ({"andRules": {"rules": [{"any": True}, {"destinationPort": 81}]}}, False),
        ({"orRules": {"rules": [{"destinationPort": 81}, {"destinationPort": 80}]}}, True),
        ({"destinationIp": {"addressPrefix": "192.0.2.0", "prefixLen": 24}}, True),
        ({"destinationIp": {"addressPrefix": "2001:db8::", "prefixLen": 32}}, False),
        ({"requestedServerName": {"suffix": ".example"}}, True),
        ({"requestedServerName": {"exact": "SNI.example", "ignoreCase": True}}, True),
        ({"requestedServerName": {"safeRegex": {"regex": "sni"}}}, False),
        ({"header": {"name": "X", "stringMatch": {"prefix": "On"}}}, True),
        ({"header": {"name": "x", "stringMatch": {"exact": "one"}}}, False),
        ({"header": {"name": "empty", "presentMatch": True}}, True),
        ({"header": {"name": "none", "presentMatch": True}}, False),
        ({"urlPath": {"path": {"exact": "/a/b"}}}, True),
        ({"uriTemplate": {"typedConfig": {"pathTemplate": "/a/*"}}}, True),
        ({"uriTemplate": {"typedConfig": {"pathTemplate": "/*"}}}, False),
        ({"uriTemplate": {"typedConfig": {"pathTemplate": "/**"}}}, True),
        ({"metadata": {"filter": "f", "path": [{"key": "k"}], "value": {"stringMatch": {"exact": ""}}}}, False),
    ],
)
def test_a_permission_matches(permission, expected):
    assert allowed(permission) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"authenticated": {"principalName": {"prefix": "spiffe://td/"}}}, True),
        ({"notId": {"authenticated": {"principalName": {"safeRegex": {"regex": ".+"}}}}}, False),
        ({"orIds": {"ids": [{"notId": {"any": True}}, {"any": True}]}}, True),
        ({"andIds": {"ids": [{"notId": {"any": True}}, {"any": True}]}}, False),
        ({"directRemoteIp": {"addressPrefix": "10.0.0.0", "prefixLen": 8}}, True),
        ({"remoteIp": {"addressPrefix": "10.0.0.2", "prefixLen": 32}}, False),
    ],
)
def test_a_principal_matches(principal, expected):
    assert allowed(principal=principal) is expected


def test_without_a_certificate_no_name_matches():
    named = {"authenticated": {"principalName": {"safeRegex": {"regex": ".*"}}}}
    assert not allowed(principal=named, seen=replace(SEEN, principal=None))


def test_metadata_is_found_by_its_path_as_text_or_in_a_list():
    listed = {"listMatch": {"oneOf": {"stringMatch": {"exact": "a"}}}}
    value = {"orMatch": {"valueMatchers": [listed, {"stringMatch": {"exact": "b"}}]}}
    permission = {"metadata": {"filter": "f", "path": [{"key": "k"}, {"key": "l"}], "value": value}}
    for held, expected in ((["x", "a"], True), ("b", True), ("a", False), (None, False)):
        assert allowed(permission, seen=replace(SEEN, metadata={"f": {"k": {"l": held}}})) is expected


def test_every_filter_must_let_through_and_shadows_only_tell():
    chain = [
        {"typedConfig": {"rules": rules(action="LOG")}},
        {"typedConfig": {"shadowRules": rules(action="DENY")}},
        {"typedConfig": {"rules": rules(), "shadowRules": {"policies": {}}}},
    ]
    assert evaluate(chain, SEEN) == Outcome(True, {"DENY": False, "ALLOW": False}, logged=True)
    assert not evaluate([*chain, {"typedConfig": {"rules": rules(action="DENY")}}], SEEN).allowed
    assert not evaluate([{"typedConfig": {"rules": {"policies": {}}}}], SEEN).allowed


@pytest.mark.parametrize("unknown", [{"sourcedMetadata": {}}, {"urlPath": {"path": {"contains": "a"}}}])
def test_what_it_does_not_know_is_an_error(unknown):
    with pytest.raises(NotImplementedError):
        allowed(unknown)
    with pytest.raises(AssertionError):
        evaluate([{"typedConfig": {"matcher": {}}}], SEEN)
