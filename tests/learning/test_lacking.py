"""A registry is asked for each place that was seen: it holds it, it can be given it, or something is in the way."""

import pytest

from outgate.learning.lacking import lacking
from outgate.learning.places import Places
from outgate.learning.seen import Seen, Speech
from policy.building import policy

HTTP, HTTPS, TLS, TCP = Speech
POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: OBSERVE}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: api}
spec:
  hosts: [api.example]
  ports: [{number: 443, protocol: HTTPS}]
  exportTo: [default, prod]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: db}
spec:
  hosts: [db.example]
  ports: [{number: 5432, protocol: TCP}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: nothing}
spec: {action: DENY, to: {ports: [443]}}
"""
SCOPE = """
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: dev}
spec:
  egress: [{hosts: ["*/elsewhere.example"]}]
"""


def asked(*seen, text=POLICY):
    places = Places()
    for each in seen:
        places.add(Seen(*each))
    found = lacking(list(places.places.values()), policy(text) if text else None)
    return found.known, [str(place.at) for place in found.places], [(each.where, each.why) for each in found.left_out]


def test_without_a_policy_everything_is_lacking():
    assert asked((HTTPS, "api.example", 443), text="") == (0, ["api.example:443"], [])


@pytest.mark.parametrize("speech", [HTTPS, TLS])
def test_what_is_registered_is_known_whatever_rules_say_and_the_mode_lets_pass(speech):
    assert asked((speech, "api.example", 443)) == (1, [], [])


@pytest.mark.parametrize("at", [("new.example", 443), ("api.example", 8443)])
def test_what_is_not_is_lacking(at):
    assert asked((HTTPS, *at)) == (0, ["{}:{}".format(*at)], [])


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ((HTTP, "api.example", 443), "is registered for HTTPS (decrypt), not for plain HTTP"),
        ((HTTPS, "api.example", 443, "dev/web"), "is not exported to namespace dev"),
        ((TCP, "other.example", 5432), "bytes to port 5432 go to db.example"),
        ((HTTPS, "new.example", 443, "dev/web"), "a scope does not import it"),
    ],
)
def test_what_another_document_stands_in_the_way_of_is_left_out(seen, why):
    known, places, ((where, said),) = asked(seen, text=POLICY + SCOPE)
    assert (known, places) == (0, [])
    assert where == f"{seen[1]}:{seen[2]}"
    assert why in said
    assert "policy.yaml" in said
