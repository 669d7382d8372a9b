"""What holds for the gate as a whole is written as it was said."""

import pytest
import yaml

from converting.rewritten import made, native, spec
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting

SPECS = (
    "{mode: OBSERVE}",
    "{mode: ALLOW_ANY, denyStatus: 403, tunnelHosts: istio, unregisteredTLS: DECRYPT}",
    "{mode: REGISTRY_ONLY, trustDomain: td, pathNormalization: NONE, trustDomainAliases: [old]}",
    "{mode: REGISTRY_ONLY, internal: {hosts: ['*.svc'], networks: [10.0.0.0/8]}, nat64: ['64:ff9b:1::/96']}",
    "{mode: REGISTRY_ONLY, identities: [{uids: [1], namespace: shop, serviceAccount: web, labels: {app: web}}]}",
    "{mode: REGISTRY_ONLY, identities: [{addresses: [192.0.2.0/24], namespace: shop, serviceAccount: web}]}",
    "{mode: REGISTRY_ONLY, scopes: [{namespace: shop, labels: {app: web}, mode: ALLOW_ANY}]}",
    "{mode: REGISTRY_ONLY, scopes: [{imports: [{namespace: shop, host: '*.example', excluded: true}]}]}",
    "{mode: REGISTRY_ONLY, scopes: [{namespace: shop, imports: []}]}",
)


@pytest.mark.parametrize("said", SPECS)
def test_defaults_are_written_as_they_were_said(said):
    text = native("EgressDefaults", said, name="own", namespace="gates")
    assert spec(text, "EgressDefaults") == yaml.safe_load(said)
    assert yaml.safe_load(made(text).text)["metadata"] == {"name": "own", "namespace": "gates"}


def test_a_mode_that_a_mesh_gives_is_the_gates_own():
    mesh = "type: Mesh\nname: default\nnetworking: {outbound: {passthrough: true}}\n"
    (document,) = yaml.safe_load_all(made(mesh).text)
    assert document["metadata"]["name"] == "defaults"
    assert document["spec"] == {"mode": "ALLOW_ANY"}


def test_nothing_is_written_where_nothing_is_said():
    text = made("kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n").text
    assert list(yaml.safe_load_all(text)) == []
    assert compile_policy(parse(text, "made.yaml"), Setting()).defaults.mode_source is None
