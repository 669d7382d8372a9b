"""Who is calling, by the policy's own mapping of uids and addresses."""

import pytest

from outgate.policy.callers import asks_uid, identify
from outgate.policy.compile import compile as compiled
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Identity
from outgate.problems import PolicyError

DOCUMENT = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec:
  mode: REGISTRY_ONLY
  identities:
  - {uids: [1000, 1001], namespace: prod, serviceAccount: web}
  - {addresses: [10.1.0.0/16, "fd00:1::/64"], namespace: batch, serviceAccount: jobs, labels: {team: data}}
  - {uids: [1002], addresses: [10.9.0.0/16], namespace: both, serviceAccount: both}
  - {addresses: ["::ffff:10.3.0.0/112"], namespace: mapped, serviceAccount: mapped}
"""


def defaults(text: str = DOCUMENT):
    return compiled(parse(text, "a.yaml"), Setting()).defaults


@pytest.mark.parametrize(
    ("caller", "namespace", "how"),
    [
        (Identity(uid=1000, address="10.1.2.3"), "prod", "uid"),
        (Identity(uid=1001), "prod", "uid"),
        (Identity(uid=7, address="10.1.2.3"), "batch", "address"),
        (Identity(address="fd00:1::9"), "batch", "address"),
        (Identity(uid=7, address="::ffff:10.1.2.3"), "batch", "address"),
        (Identity(uid=7, address="10.3.0.1"), "mapped", "address"),
        (Identity(uid=1002, address="10.9.0.1"), "both", "uid"),
        (Identity(uid=1002, address="10.8.0.1"), "", "none"),
        (Identity(uid=1002), "", "none"),
        (Identity(), "", "none"),
    ],
)
def test_the_first_mapping_that_fits_says_who_it_is(caller, namespace, how):
    found = identify(defaults(), caller)
    assert (found.namespace, found.how) == (namespace, how)
    assert (found.uid, found.address) == (caller.uid, caller.address)


def test_labels_come_along():
    assert identify(defaults(), Identity(address="10.1.0.1")).labels == (("team", "data"),)


def test_a_caller_that_is_identified_already_is_not_renamed():
    declared = Identity(namespace="own", service_account="own", uid=1000, how="declared")
    found = identify(defaults(), declared)
    assert (found.namespace, found.service_account, found.how) == ("own", "own", "declared")


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        (Identity(uid=1000), "mesh.example/ns/prod/sa/web"),
        (Identity("own", "own"), "mesh.example/ns/own/sa/own"),
        (Identity("own", "own", "other.example/ns/own/sa/own"), "other.example/ns/own/sa/own"),
        (Identity("own"), ""),
        (Identity(), ""),
    ],
)
def test_an_account_has_the_principal_of_the_gates_own_mesh(caller, principal):
    text = DOCUMENT.replace("mode: REGISTRY_ONLY", "trustDomain: mesh.example")
    assert identify(defaults(text), caller).principal == principal


def test_a_uid_is_only_asked_for_where_a_mapping_goes_by_it():
    assert asks_uid(defaults())
    assert not asks_uid(
        defaults(DOCUMENT.replace("uids: [1000, 1001]", "addresses: [10.2.0.0/16]").replace("uids: [1002], ", ""))
    )


def test_a_mapping_of_nobody_is_refused_where_it_stands():
    with pytest.raises(PolicyError) as refused:
        defaults(DOCUMENT.replace("uids: [1000, 1001], ", ""))
    (problem,) = refused.value.problems
    assert (problem.where.line, problem.field) == (8, "spec.identities[0]")
