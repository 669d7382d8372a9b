"""Mesh-wide settings, and the documents that carry them."""

import textwrap

import pytest

from outgate.policy.decide import decide
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.model import Gate, Identity, Mode
from policy.building import http, policy
from policy.frontends.istio.istio_building import (
    destination,
    document,
    entry,
    errors,
    loaded,
    refused,
    translate,
)

OPERATOR = """
    apiVersion: install.istio.io/v1alpha1
    kind: IstioOperator
    metadata: {name: mesh, namespace: istio-system}
    spec:
      profile: default
      components: {egressGateways: [{name: out, enabled: true}]}
      meshConfig: {outboundTrafficPolicy: {mode: ALLOW_ANY}}
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  meshNetworks: "networks: {}"
  mesh: |-
    outboundTrafficPolicy:
      mode: ALLOW_ANY
"""
HELM = "meshConfig: {outboundTrafficPolicy: {mode: ALLOW_ANY}}"
BARE = "outboundTrafficPolicy: {mode: ALLOW_ANY}"


def access_policy(spec: str) -> str:
    return document("AuthorizationPolicy", spec).replace("networking.istio.io", "security.istio.io")


def said(text: str, name: str) -> list[object]:
    return [override.value for override in loaded(text).defaults.get(name, [])]


@pytest.mark.parametrize("text", [OPERATOR, CONFIG_MAP, HELM, BARE], ids=["operator", "config map", "helm", "bare"])
def test_every_carrier_is_read(text):
    assert said(text, "mode") == [Mode.ALLOW_ANY]


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        (OPERATOR, True),
        (CONFIG_MAP, True),
        (HELM, True),
        (BARE, True),
        ("accessLogFile: ''", True),
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: other}\ndata: {a: b}", False),
        ("kind: IstioOperator\napiVersion: other/v1", False),
        ("something: else", False),
        ("[1]", False),
        ("kind: Gateway\napiVersion: gateway.networking.k8s.io/v1", False),
        ("kind: Gateway\napiVersion: networking.istio.io/v1", True),
    ],
)
def test_what_is_claimed(text, claimed):
    (found,) = parse(textwrap.dedent(text), "a.yaml")
    assert IstioFrontend().claims(found) is claimed


def test_the_mode_names_its_place():
    (override,) = loaded(CONFIG_MAP).defaults["mode"]
    assert (override.source.kind, override.source.name) == ("ConfigMap", "istio")
    assert override.source.where.line == 8


def test_a_fragment_has_a_kind_to_be_called_by():
    (override,) = loaded(BARE).defaults["mode"]
    assert (override.source.kind, override.source.name) == ("MeshConfig", "MeshConfig")


def test_a_policy_without_a_mode_is_registry_only():
    assert said("outboundTrafficPolicy: {}", "mode") == [Mode.REGISTRY_ONLY]


def test_no_policy_says_nothing():
    assert said("trustDomain: shop.local", "mode") == []


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("trustDomain: shop.local", "trust_domain", "shop.local"),
        ("trustDomainAliases: [old.local, b]", "trust_domain_aliases", ("old.local", "b")),
        ("pathNormalization: {normalization: MERGE_SLASHES}", "path_normalization", "MERGE_SLASHES"),
        ("pathNormalization: {}", "path_normalization", "BASE"),
        ("pathNormalization: {normalization: DEFAULT}", "path_normalization", "BASE"),
    ],
)
def test_defaults(text, name, value):
    assert said(text, name) == [value]


def test_the_root_namespace_is_the_meshs():
    side = document("Sidecar", "{outboundTrafficPolicy: {}}", namespace="roots")
    (scope,) = loaded("rootNamespace: roots", side).scopes
    assert scope.namespace == ""


def test_what_entries_export_by_default():
    assert destination("defaultServiceExportTo: ['.']", entry()).export_to == (".",)
    assert destination("defaultServiceExportTo: ['.']", entry("exportTo: ['*']")).export_to == ("*",)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("meshConfig: {outboundTrafficPolicy: {mode: SOME}}", "meshConfig.outboundTrafficPolicy.mode"),
        ("meshConfig: {outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}}", "meshConfig.outboundTrafficPolicy.mode"),
        ("meshConfig: {connectTimeout: 0s}", "meshConfig.connectTimeout"),
        ("meshConfig: {connectTimeout: 2h}", "meshConfig.connectTimeout"),
        ("meshConfig: {trustDomain: a_b}", "meshConfig.trustDomain"),
        ("meshConfig: {trustDomainAliases: [old.local, '']}", "meshConfig.trustDomainAliases[1]"),
        ("meshConfig: {defaultServiceExportTo: ['*', a]}", "meshConfig.defaultServiceExportTo[0]"),
        ("meshConfig: {defaultVirtualServiceExportTo: ['~']}", "meshConfig.defaultVirtualServiceExportTo[0]"),
        ("meshConfig: {localityLbSetting: {failover: [{from: a, to: a}]}}",
         "meshConfig.localityLbSetting.failover[0].to"),
        ("meshConfig: {defaultTrafficPolicy: {connectionPool: {}}}", "meshConfig.defaultTrafficPolicy.connectionPool"),
        ("meshConfig: {outboundTraficPolicy: {}}", "meshConfig.outboundTraficPolicy"),
        ("meshConfig: {tlsDefaults: {minProtocolVersion: SSLV3}}", "meshConfig.tlsDefaults.minProtocolVersion"),
    ],
)  # fmt: skip
def test_what_is_refused(text, field):
    assert field in refused(text, strict=False)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("meshConfig: {caCertificates: [{pem: x}]}", "meshConfig.caCertificates"),
    ],
)
def test_what_would_change_an_identity_is_refused_when_strict(text, field):
    assert refused(text) == [field]
    assert refused(text, strict=False) == []


@pytest.mark.parametrize(
    ("domain", "allowed"), [("shop.local", True), ("old.local", True), ("older.local", True), ("foreign.local", False)]
)
def test_a_principal_is_known_under_every_alias_of_its_trust_domain(domain, allowed):
    made = policy(
        "meshConfig: {trustDomain: shop.local, trustDomainAliases: [old.local, older.local]}\n"
        + entry()
        + access_policy("rules: [{from: [{source: {principals: [old.local/ns/prod/sa/web]}}]}]"),
        gate=Gate(namespace="prod"),
    )
    caller = Identity(principal=f"{domain}/ns/prod/sa/web", how="test")
    assert decide(made, http("api.shop.example", caller=caller)).allowed is allowed


def test_mesh_settings_among_helm_values_of_an_operator_are_not_overlooked():
    text = """
        apiVersion: install.istio.io/v1alpha1
        kind: IstioOperator
        metadata: {name: mesh}
        spec: {values: {meshConfig: {outboundTrafficPolicy: {mode: ALLOW_ANY}}}}
    """
    assert refused(text) == ["spec.values.meshConfig"]


def test_broken_yaml_inside_of_a_config_map_is_placed_in_the_file():
    (problem,) = errors(translate(CONFIG_MAP.replace("      mode: ALLOW_ANY", "     - [")))
    assert problem.field == "data.mesh"
    assert problem.where.line >= 8


def test_a_misspelt_key_inside_of_a_config_map_is_placed_in_the_file():
    (problem,) = errors(translate(CONFIG_MAP.replace("mode:", "mod:")))
    assert (problem.where.line, problem.hint) == (8, 'did you mean "mode"?')


def test_two_carriers_say_both():
    assert said(f"{OPERATOR}\n---\n    {BARE}", "mode") == [Mode.ALLOW_ANY, Mode.ALLOW_ANY]


SETTINGS = [
    ("connectTimeout: 1s", "connectTimeout: 7s", lambda made: made.destinations[0].ports[0].upstream.connect_timeout),
    (
        "tlsDefaults: {minProtocolVersion: TLSV1_2}",
        "tlsDefaults: {minProtocolVersion: TLSV1_3}",
        lambda made: made.destinations[0].ports[0].tls.minimum_version,
    ),
    ("defaultServiceExportTo: ['*']", "defaultServiceExportTo: ['.']", lambda made: made.destinations[0].export_to),
    ("rootNamespace: istio-system", "rootNamespace: mesh-root", lambda made: bool(made.access)),
]
ROOTED = access_policy("{}").replace("namespace: prod", "namespace: mesh-root")


@pytest.mark.parametrize(("base", "over", "read"), SETTINGS, ids=["timeout", "tls", "exports", "root"])
class TestTwoCarriers:
    def made(self, *texts):
        laid = [(text, number) for number, text in enumerate(texts)]
        documents = [one for text, layer in laid for one in parse(text, f"{layer}.yaml", layer)]
        return IstioFrontend().translate(documents + parse(entry() + ROOTED, "2.yaml"), Setting(Gate(namespace="prod")))

    def test_the_later_directory_wins_and_says_over_whom(self, base, over, read):
        found = self.made(base, over)
        assert read(found) == read(self.made(over))
        assert read(found) != read(self.made(base))
        ((winner, loser),) = found.replaced
        assert (winner.where.file, loser.where.file) == ("1.yaml", "0.yaml")

    def test_in_one_directory_two_values_are_an_error_and_one_twice_is_none(self, base, over, read):
        contradicting = errors(translate(base, over, entry()))
        assert "say it once" in str(contradicting[0])
        assert errors(translate(base, base, entry())) == []


def test_aliases_inside_the_text_of_a_config_map_are_bounded_and_placed_once():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    head = CONFIG_MAP.partition("    outboundTrafficPolicy")[0]
    (problem, *_) = errors(translate(head + "".join(f"    {line}\n" for line in [*lines, "defaultConfig: *a29"])))
    assert "aliases make more than" in problem.what
    assert problem.where.line > 6
    some = [*lines[:12], "defaultConfig: *a11", "outboundTrafficPolicy: {mode: ALLOW_ANY}"]
    assert "unknown field" in errors(translate(head + "".join(f"    {line}\n" for line in some)))[0].what


def test_a_second_document_in_the_text_of_a_config_map_is_refused():
    (problem,) = errors(translate(CONFIG_MAP + "    ---\n    nonsense: [1]\n"))
    assert "holds more than one document" in problem.what
    assert problem.where.line == 10


@pytest.mark.parametrize(
    ("name", "claimed"), [("istio", True), ("istio-1-24", True), ("assets", False), ("my-istio", False)]
)
def test_only_istios_own_config_maps_are_read(name, claimed):
    (document,) = parse(CONFIG_MAP.replace("name: istio,", f"name: {name},"), "f.yaml")
    assert IstioFrontend().claims(document) is claimed
