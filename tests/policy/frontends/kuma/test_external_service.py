"""MeshExternalService, what leaves unregistered, and the roles and dialects: by what a load of them comes to."""

import base64

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import (
    EVERY_PORT,
    Code,
    Gate,
    Mode,
    NameKind,
    Protocol,
    Resolution,
    SubjectName,
    Verification,
)
from outgate.policy.route_model import Rewrite
from outgate.policy.tls_model import Inline
from policy.building import http, tcp, tls
from policy.frontends.kuma.kuma_building import CLOSED, HTTPBIN, faults, load, policy, port, warnings

TLS = """
type: MeshExternalService
name: api
mesh: default
spec:
  match: {port: 443, protocol: tcp}
  endpoints: [{address: 192.0.2.1, port: 8443, priority: 1}, {address: api.example.com, port: 443}]
  tls:
    enabled: true
    version: {min: TLS10, max: TLS13}
    verification:
      mode: SkipCA
      serverName: api.example.com
      subjectAltNames: [{type: Prefix, value: "spiffe://corp/"}, {value: api.example.com}]
      caCert: {secret: ca}
      clientCert: {secret: cert}
      clientKey: {secret: key}
"""


def test_a_service_is_known_by_its_generated_name_alone():
    made = load(HTTPBIN)
    assert decide(made, http("httpbin.extsvc.mesh.local", 80)).code is Code.REGISTERED
    assert decide(made, http("httpbin.example.com", 80)).code is Code.UNREGISTERED


def test_the_origin_is_dialled_over_tls_and_told_its_own_name():
    found = port(HTTPBIN)
    assert (found.number, found.protocol, found.upstream.resolution) == (80, Protocol.HTTP, Resolution.DNS)
    assert [(each.address, each.port) for each in found.upstream.endpoints] == [("httpbin.example.com", 443)]
    assert found.upstream.tls.sni == "httpbin.example.com"
    assert found.routes[-1].rewrite == Rewrite(authority="httpbin.example.com")


def test_kubernetes_form_comes_to_the_same():
    text = HTTPBIN.replace("type: MeshExternalService\nname: httpbin\nmesh: default", "").strip()
    head = (
        "apiVersion: kuma.io/v1alpha1\nkind: MeshExternalService\nmetadata: {name: httpbin, namespace: kuma-system}\n"
    )
    assert port(head + text).upstream.endpoints == port(HTTPBIN).upstream.endpoints


def test_every_part_of_tls(tmp_path):
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("")
    found = port(TLS, kuma_secrets=str(tmp_path)).upstream
    assert [each.priority for each in found.endpoints] == [1, 0]
    assert found.tls.verification is Verification.SKIP_CA
    assert (found.tls.ca, found.tls.client_certificate, found.tls.private_key) == tuple(
        str(tmp_path / name) for name in ("ca", "cert", "key")
    )
    assert found.tls.names == (
        SubjectName(NameKind.PREFIX, "spiffe://corp/"),
        SubjectName(NameKind.EXACT, "api.example.com"),
    )
    assert (found.tls.minimum_version, found.tls.maximum_version) == (None, "TLSv1.3")


PEM = "-----BEGIN CERTIFICATE-----"
ENCODED = base64.b64encode(PEM.encode()).decode()


@pytest.mark.parametrize(
    ("dialect", "source"),
    [
        ("kuma-2.14", f"{{inlineString: '{PEM}'}}"),
        ("kuma-2.9", f"{{inline: {ENCODED}}}"),
        ("kuma-3.0", f"{{type: InsecureInline, insecureInline: {{value: '{PEM}'}}}}"),
    ],
    ids=["inlineString", "inline", "insecureInline"],
)
def test_what_is_written_inline_is_kept_and_never_shown(dialect, source):
    text = HTTPBIN.replace("{enabled: true}", f"{{enabled: true, verification: {{caCert: {source}}}}}")
    policy = load(text, kuma_dialect=dialect)
    ca = policy.destinations[0].ports[0].upstream.tls.ca
    assert ca.content == PEM.encode()
    assert PEM not in repr(policy)
    assert ENCODED not in repr(policy)
    assert ca == Inline(PEM.encode()) != Inline(b"another")


@pytest.mark.parametrize(
    ("dialect", "source", "what"),
    [
        ("kuma-2.14", "{inline: '%%'}", "caCert.inline: is no base64"),
        ("kuma-2.14", "{inlineString: ''}", "caCert.inlineString: expected a text"),
        ("kuma-2.14", "{inlineString: a, secret: b}", "caCert: exactly one of"),
        ("kuma-2.14", "{}", "caCert: exactly one of"),
        ("kuma-3.0", "{inlineString: a}", "caCert.inlineString: unknown field"),
    ],
)
def test_a_data_source_that_cannot_be(dialect, source, what):
    text = HTTPBIN.replace("{enabled: true}", f"{{enabled: true, verification: {{caCert: {source}}}}}")
    assert any(what in fault for fault in faults(text, kuma_dialect=dialect))


def test_a_secret_that_is_no_file_is_an_error():
    assert any("/nowhere/ca" in each for each in faults(TLS, kuma_secrets="/nowhere"))


def test_a_service_without_endpoints_reaches_nothing_and_that_is_said():
    text = "type: MeshExternalService\nname: a\nspec: {match: {port: 80}}\n"
    assert load(text).destinations == ()
    assert "spec.endpoints: there is none" in warnings(text)


def test_without_passthrough_nothing_else_leaves():
    assert load().defaults.mode is Mode.REGISTRY_ONLY
    assert load(mesh="type: Mesh\nname: default").defaults.mode is Mode.ALLOW_ANY


def test_passthrough_takes_the_place_of_the_mesh():
    spec = "targetRef: {kind: Mesh, proxyTypes: [Sidecar]}\ndefault: {passthroughMode: All}"
    assert load(policy("MeshPassthrough", spec)).defaults.mode is Mode.ALLOW_ANY


OVERLAPPING = """
default:
  passthroughMode: Matched
  appendMatch:
    - {type: Domain, value: "*.example.com", protocol: tls}
    - {type: Domain, value: "*.example.com", protocol: http, port: 8080}
    - {type: Domain, value: api.example.com, protocol: tls, port: 443}
"""


@pytest.mark.parametrize("host", ["any.example.com", "api.example.com"])
def test_matches_that_overlap_pass_what_each_of_them_would(host):
    made = load(policy("MeshPassthrough", OVERLAPPING))
    assert {port.upstream.connect_timeout for each in made.destinations for port in each.ports} == {5.0}
    for number in (443, 8080, 7777):
        assert decide(made, tls(host, number)).allowed
        assert decide(made, http(host, number, encrypted=False)).allowed is (number == 8080)


MATCHED = """
default:
  passthroughMode: Matched
  appendMatch:
    - {type: Domain, value: "*.kafka.example.com", protocol: tls, port: 443}
    - {type: Domain, value: web.example.com, protocol: http}
    - {type: CIDR, value: 198.51.100.0/24, protocol: tcp, port: 5432}
"""


def test_what_is_matched_is_registered():
    made = load(policy("MeshPassthrough", MATCHED))
    assert made.defaults.mode is Mode.REGISTRY_ONLY
    assert decide(made, tls("a.kafka.example.com")).allowed
    assert not decide(made, tls("kafka.example.com")).allowed
    assert decide(made, http("web.example.com", 8080)).allowed
    assert decide(made, tcp("198.51.100.7", 5432)).allowed
    assert not decide(made, tcp("198.51.100.7", 5433)).allowed
    assert EVERY_PORT in {port.number for destination in made.destinations for port in destination.ports}


@pytest.mark.parametrize(
    ("match", "what"),
    [
        ("{type: Domain, value: a.example.com, protocol: tcp}", "protocol tcp is not supported for a domain"),
        ('{type: Domain, value: "*w.example.com", protocol: tls}', "a wildcard is a whole label"),
        ('{type: Domain, value: "*.example.com", protocol: http}', "doesn't work for all ports"),
        ("{type: CIDR, value: 192.0.2.1}", "provided CIDR has incorrect value"),
        ("{type: IP, value: nowhere}", "provided IP has incorrect value"),
        ("{type: Domain, value: a..b, protocol: tls}", "provided DNS has incorrect value"),
    ],
)
def test_a_match_that_cannot_be(match, what):
    spec = f"default: {{passthroughMode: Matched, appendMatch: [{match}]}}"
    assert any(what in each for each in faults(policy("MeshPassthrough", spec)))


def test_the_same_match_twice():
    one = "{type: IP, value: 192.0.2.1, port: 80}"
    spec = f"default: {{passthroughMode: Matched, appendMatch: [{one}, {one}]}}"
    assert any("those of another entry" in each for each in faults(policy("MeshPassthrough", spec)))


TO_HTTPBIN = "to: [{targetRef: {kind: MeshExternalService, name: httpbin}, default: {connectionTimeout: 1s}}]"


def times(*texts: str, **setting: object) -> float:
    return port(HTTPBIN, *texts, **setting).upstream.connect_timeout


def test_kumas_own_times_hold_without_a_policy():
    found = port(HTTPBIN)
    (route,) = found.routes
    assert (found.upstream.connect_timeout, found.upstream.resilience.idle_timeout) == (5.0, 3600.0)
    assert (route.timeout, route.idle_timeout, route.maximum_duration) == (15.0, 1800.0, None)


def test_a_narrower_policy_wins_field_by_field():
    wide = "to: [{targetRef: {kind: Mesh}, default: {connectionTimeout: 9s, http: {requestTimeout: 0s}}}]"
    found = port(HTTPBIN, policy("MeshTimeout", wide, "a"), policy("MeshTimeout", TO_HTTPBIN, "z"))
    assert (found.upstream.connect_timeout, found.routes[0].timeout) == (1.0, None)
    assert [source.name for source in found.routes[0].extra] == ["a", "httpbin"]


def test_what_selects_other_proxies_says_nothing_here():
    spec = f"targetRef: {{kind: MeshSubset, tags: {{app: web}}}}\n{TO_HTTPBIN}"
    assert times(policy("MeshTimeout", spec)) == 5.0
    assert "selects other proxies" in warnings(HTTPBIN, policy("MeshTimeout", spec))
    assert times(policy("MeshTimeout", spec), gate=Gate(labels=(("app", "web"),))) == 1.0


def test_what_names_nothing_that_is_there_is_said():
    spec = TO_HTTPBIN.replace("httpbin", "other")
    assert "there is no such MeshExternalService" in warnings(HTTPBIN, policy("MeshTimeout", spec))


def test_another_meshs_policies_say_nothing():
    assert times(policy("MeshTimeout", TO_HTTPBIN, mesh="other")) == 5.0


def test_a_shadow_policy_is_only_shown():
    text = policy("MeshTimeout", TO_HTTPBIN).replace("mesh:", "labels: {kuma.io/effect: shadow}\nmesh:", 1)
    assert times(text) == 5.0


def proxies(kind: str) -> str:
    return policy("MeshTimeout", f'targetRef: {{kind: Mesh, proxyType: ["{kind}"]}}\n{TO_HTTPBIN}')


@pytest.mark.parametrize(
    ("kind", "role", "applies"),
    [
        ("egress", "both", True),
        ("egress", "egress", True),
        ("egress", "sidecar", False),
        ("Sidecar", "sidecar", True),
        ("sidecar", "egress", False),
    ],
)
def test_the_early_design_tells_proxies_apart(kind, role, applies):
    found = times(proxies(kind), kuma_dialect="kuma-madr062", kuma_role=role)
    assert found == (1.0 if applies else 5.0)


def test_the_early_design_requires_the_proxies_where_a_service_is_named():
    (fault,) = faults(HTTPBIN, policy("MeshTimeout", TO_HTTPBIN), kuma_dialect="kuma-madr062")
    assert "spec.targetRef.proxyType: must be set when a MeshExternalService is referenced" in fault


def test_an_empty_proxy_type_never_selects_egress():
    everything = "to: [{targetRef: {kind: Mesh}, default: {connectionTimeout: 1s}}]"
    text = policy("MeshTimeout", everything)
    assert times(text, kuma_dialect="kuma-madr062", kuma_role="egress") == 5.0
    assert times(text, kuma_dialect="kuma-madr062", kuma_role="sidecar") == 1.0


def test_another_dialects_field_names_the_dialect():
    (fault,) = faults(HTTPBIN, proxies("egress"))
    assert "spec.targetRef.proxyType" in fault
    assert "kuma-madr062" in fault


def test_another_dialects_kind_names_the_dialect():
    spec = f"targetRef: {{kind: Dataplane, labels: {{app: web}}}}\n{TO_HTTPBIN}"
    (fault,) = faults(HTTPBIN, policy("MeshTimeout", spec), kuma_dialect="kuma-2.9")
    assert "value 'Dataplane' is not supported" in fault
    assert "kuma-3.0" in fault


def test_an_unknown_field_is_an_error_with_the_likeliest_name():
    text = policy("MeshTimeout", "to: [{targetRef: {kind: Mesh}, default: {conectionTimeout: 1s}}]")
    assert any('did you mean "connectionTimeout"?' in each for each in faults(text))


def test_the_mesh_of_kubernetes_stands_under_spec():
    mesh = "apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: default}\n"
    closed = mesh + "spec: {networking: {outbound: {passthrough: false}}}\n"
    assert load(mesh=closed).defaults.mode is Mode.REGISTRY_ONLY
    assert load(mesh=mesh).defaults.mode is Mode.ALLOW_ANY
    assert CLOSED.startswith("type: Mesh")
