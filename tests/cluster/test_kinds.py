"""Exactly the kinds that front-ends apply are watched."""

from __future__ import annotations

import pytest

from outgate import settings
from outgate.cluster.kinds import KINDS, MESHES, watched
from outgate.policy.frontends.istio import authorization
from outgate.policy.frontends.istio import frontend as istio
from outgate.policy.frontends.kuma import frontend as kuma
from outgate.policy.frontends.linkerd import frontend as linkerd
from outgate.policy.frontends.linkerd.shapes import SPECS
from outgate.policy.frontends.osm import frontend as osm
from outgate.policy.frontends.osm import mesh_config
from outgate.policy.kinds import NATIVE

GATEWAY, LINKERD = linkerd.ROUTES


def applied():
    yield from (("outgate.dev", name) for name in NATIVE)
    yield from ((one.group, one.name) for one in (*istio.KINDS.values(), authorization.KIND))
    yield from ((group, name) for name, groups in osm.GROUPS.items() for group in groups)
    yield mesh_config.GROUP, "MeshConfig"
    yield LINKERD, linkerd.KIND
    yield LINKERD, "HTTPRoute"
    yield from ((GATEWAY, name) for name in SPECS)
    yield from (("kuma.io", name) for name in kuma.KINDS)


def test_every_kind_that_is_applied_is_watched_and_no_other():
    assert sorted((one.group, one.name) for one in KINDS) == sorted(applied())
    assert len({(one.group, one.plural) for one in KINDS}) == len(KINDS)


def test_istios_are_asked_for_in_the_versions_that_are_read():
    read = {(one.group, one.name): one.versions for one in (*istio.KINDS.values(), authorization.KIND)}
    assert all(set(one.versions) <= set(read[one.group, one.name]) for one in KINDS if one.mesh == "istio")


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("AuthorizationPolicy", "authorizationpolicies"),
        ("EgressAccess", "egressaccesses"),
        ("EgressTelemetry", "egresstelemetries"),
        ("Gateway", "gateways"),
        ("Mesh", "meshes"),
        ("MeshPassthrough", "meshpassthroughs"),
        ("MeshLoadBalancingStrategy", "meshloadbalancingstrategies"),
        ("MeshProxyPatch", "meshproxypatches"),
        ("MeshRetry", "meshretries"),
        ("ServiceEntry", "serviceentries"),
        ("Telemetry", "telemetries"),
    ],
)
def test_plurals_are_those_of_the_definitions(name, plural):
    assert {one.plural for one in KINDS if one.name == name} == {plural}


def test_meshes_are_chosen_by_the_names_that_the_setting_takes():
    assert sorted(settings.MESHES) == sorted(MESHES)
    assert {one.mesh for one in watched(("kuma", "native"))} == {"kuma", "native"}
    assert watched() == KINDS


def test_paths_are_the_apis():
    entry = next(one for one in KINDS if one.name == "ServiceEntry")
    assert entry.path("v1") == "/apis/networking.istio.io/v1/serviceentries"
    assert entry.path("v1", "prod", "a/b") == "/apis/networking.istio.io/v1/namespaces/prod/serviceentries/a%2Fb"
