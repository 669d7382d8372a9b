"""Which DestinationRule applies, what a port's settings replace, and what TLS comes of it."""

import pytest

from outgate.policy.model import NameKind, SubjectName, Verification
from policy.frontends.istio.istio_building import destination, document, entry, loaded, port, refused, warned

HTTP = entry("ports: [{number: 80, name: http, protocol: HTTP}]")
SIMPLE = "trafficPolicy: {tls: {mode: SIMPLE}}"


def rule(spec: str, host: str = "api.shop.example", name: str = "rule", namespace: str = "prod") -> str:
    return document("DestinationRule", f"{{host: '{host}', {spec}}}", name, namespace)


def sni(text: str, **more: str) -> str:
    return rule(f"trafficPolicy: {{tls: {{mode: SIMPLE, sni: {text}}}}}", name=text, **more)


def chosen(*texts: str, **gate: object) -> str | None:
    tls = port(HTTP, *texts, number=80, **gate).upstream.tls
    return tls.sni if tls is not None else None


def test_simple_tls_on_a_http_port_is_originated():
    made = port(HTTP, rule(SIMPLE), number=80)
    assert made.upstream.port == 80
    assert made.upstream.tls is not None
    assert not made.upstream.tls.mutual


def test_a_whole_mutual_block():
    made = port(
        HTTP,
        rule("""trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: /a.crt, privateKey: /a.key,
                caCertificates: /ca.crt, caCrl: /a.crl, sni: in.shop.example, subjectAltNames: [shop.example]}}"""),
        number=80,
    ).upstream.tls
    assert (made.client_certificate, made.private_key, made.ca, made.crl) == ("/a.crt", "/a.key", "/ca.crt", "/a.crl")
    assert made.sni == "in.shop.example"
    assert made.names == (SubjectName(NameKind.EXACT, "shop.example"),)
    assert made.verification is Verification.FULL
    assert made.mutual
    assert (made.source.kind, made.source.name, made.source.field) == (
        "DestinationRule", "rule", "spec.trafficPolicy.tls",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "folder"),
    [("shop", "shop"), ("prod/shop", "shop"), ("configmap://shop", "shop"), ("configmap://prod/shop", "shop")],
)
def test_a_secret_is_a_directory(written, folder):
    made = port(HTTP, rule(f"trafficPolicy: {{tls: {{mode: MUTUAL, credentialName: '{written}'}}}}"), number=80)
    tls, at = made.upstream.tls, f"/var/run/secrets/istio/{folder}"
    assert (tls.client_certificate, tls.private_key, tls.ca) == (f"{at}/tls.crt", f"{at}/tls.key", f"{at}/ca.crt")


def test_of_a_secret_simple_takes_the_ca_alone():
    tls = port(HTTP, rule("trafficPolicy: {tls: {mode: SIMPLE, credentialName: shop}}"), number=80).upstream.tls
    assert (tls.ca, tls.mutual) == ("/var/run/secrets/istio/shop/ca.crt", False)


def test_unverified_needs_no_ca_of_a_secret():
    spec = "trafficPolicy: {tls: {mode: MUTUAL, credentialName: shop, insecureSkipVerify: true}}"
    tls = port(HTTP, rule(spec), number=80).upstream.tls
    assert (tls.ca, tls.mutual) == (None, True)


def test_simple_never_presents_a_certificate():
    spec = "trafficPolicy: {tls: {mode: SIMPLE, clientCertificate: /a.crt, privateKey: /a.key}}"
    assert not port(HTTP, rule(spec), number=80).upstream.tls.mutual


def test_unverified_skips_everything_even_the_entrys_names():
    text = entry("ports: [{number: 80, name: http, protocol: HTTP}]\nsubjectAltNames: [shop.example]")
    made = port(text, rule("trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}"), number=80).upstream.tls
    assert (made.verification, made.names) == (Verification.SKIP_ALL, ())


def test_the_entrys_names_hold_where_the_rule_has_none():
    text = entry("ports: [{number: 80, name: http, protocol: HTTP}]\nsubjectAltNames: [shop.example]")
    own = "trafficPolicy: {tls: {mode: SIMPLE, subjectAltNames: [rule.example]}}"
    assert [name.value for name in port(text, rule(SIMPLE), number=80).upstream.tls.names] == ["shop.example"]
    assert [name.value for name in port(text, rule(own), number=80).upstream.tls.names] == ["rule.example"]


@pytest.mark.parametrize("value", ["system", "''"])
def test_the_systems_roots(value):
    spec = f"trafficPolicy: {{tls: {{mode: SIMPLE, caCertificates: {value}}}}}"
    assert port(HTTP, rule(spec), number=80).upstream.tls.ca is None


@pytest.mark.parametrize("spec", ["trafficPolicy: {tls: {mode: DISABLE}}", "trafficPolicy: {tls: {}}"])
def test_disable_starts_no_tls(spec):
    assert port(HTTP, rule(spec), number=80).upstream.tls is None


def test_a_decrypted_port_takes_the_rules_tls():
    made = port(entry(), rule("trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /ca.crt}}"))
    assert made.upstream.tls.ca == "/ca.crt"


def test_tls_inside_a_tunnel_is_not_started_and_said():
    text = entry("ports: [{number: 443, name: tls, protocol: TLS}]")
    assert port(text, rule(SIMPLE)).upstream.tls is None
    assert "TLS inside TLS" in warned(text, rule(SIMPLE))


def test_a_ports_settings_replace_all_of_the_destinations():
    spec = """trafficPolicy: {connectionPool: {tcp: {connectTimeout: 3s}}, tls: {mode: SIMPLE, sni: all.example},
              portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE, sni: port.example}}]}"""
    text = entry("ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: HTTPS}]")
    whole, own = port(text, rule(spec), number=80).upstream, port(text, rule(spec), number=443).upstream
    assert (whole.tls.sni, whole.connect_timeout) == ("all.example", 3.0)
    assert (own.tls.sni, own.connect_timeout) == ("port.example", 10.0)


def test_a_port_without_tls_of_its_own_has_none():
    spec = """trafficPolicy: {tls: {mode: SIMPLE},
              portLevelSettings: [{port: {number: 80}, connectionPool: {tcp: {connectTimeout: 1s}}}]}"""
    assert port(HTTP, rule(spec), number=80).upstream.tls is None


def test_the_gates_namespace_before_the_entrys_before_the_root():
    own, theirs, root = sni("own", namespace="edge"), sni("theirs"), sni("root", namespace="istio-system")
    assert chosen(own, theirs, root, namespace="edge") == "own"
    assert chosen(theirs, root, namespace="edge") == "theirs"
    assert chosen(root, namespace="edge") == "root"
    assert chosen(sni("elsewhere", namespace="other"), namespace="edge") is None


def test_an_exact_host_before_the_longest_wildcard():
    wide, wider, exact = sni("wide", host="*.shop.example"), sni("wider", host="*.example"), sni("exact")
    assert chosen(wider, wide, exact) == "exact"
    assert chosen(wider, wide) == "wide"
    assert chosen(wider) == "wider"


def test_a_rule_for_a_part_of_a_registered_wildcard_does_not_apply():
    text = entry("ports: [{number: 80, name: http, protocol: HTTP}]\nresolution: NONE", hosts="['*.shop.example']")
    assert port(text, rule(SIMPLE), number=80).upstream.tls is None
    assert "is no registered host" in warned(text, rule(SIMPLE))


def test_a_short_name_is_expanded_with_the_rules_namespace():
    text = entry("ports: [{number: 80, name: http, protocol: HTTP}]", hosts="[pay.prod.svc.cluster.local]")
    assert port(text, rule(SIMPLE, host="pay"), number=80).upstream.tls is not None
    assert port(text, rule(SIMPLE, host="pay", namespace="edge"), number=80, namespace="edge").upstream.tls is None


def test_export_keeps_a_rule_from_other_namespaces():
    private = document("DestinationRule", f"{{host: api.shop.example, exportTo: ['.'], {SIMPLE}}}", "a", "prod")
    assert port(HTTP, private, number=80, namespace="edge").upstream.tls is None
    assert port(HTTP, private, number=80, namespace="prod").upstream.tls is not None


def test_a_private_rule_for_a_private_entry_applies_wherever_the_gate_is():
    """Everybody who sees the entry sees the rule."""
    hidden = entry("ports: [{number: 80, name: http, protocol: HTTP}]\nexportTo: ['.']")
    private = document("DestinationRule", f"{{host: api.shop.example, exportTo: ['.'], {SIMPLE}}}", "a", "prod")
    assert port(hidden, private, number=80, namespace="edge").upstream.tls is not None


def test_the_first_of_several_rules_for_one_host_counts():
    assert chosen(rule("subsets: [{name: a}]", name="none"), sni("first"), sni("second")) == "first"


def test_a_rule_that_selects_the_gate_comes_before_one_for_everything():
    selecting = document(
        "DestinationRule",
        """{host: api.shop.example, workloadSelector: {matchLabels: {app: gate}},
            trafficPolicy: {tls: {mode: SIMPLE, sni: selecting}}}""",
        "selecting",
    )
    assert chosen(sni("all"), selecting, labels=(("app", "gate"),)) == "selecting"
    assert chosen(sni("all"), selecting) == "all"


def test_hosts_that_are_treated_differently_become_destinations_of_their_own():
    text = entry(hosts="[api.shop.example, www.shop.example]")
    api, www = loaded(text, rule(SIMPLE)).destinations
    assert (api.hosts, www.hosts) == (("api.shop.example",), ("www.shop.example",))
    assert (api.key, www.key) == ("istio/prod/shop/api.shop.example", "istio/prod/shop/www.shop.example")
    assert api.ports[0].upstream.tls is not None
    assert www.ports[0].upstream.tls is None


@pytest.mark.parametrize(
    "host", ["istio-egressgateway.istio-system.svc.cluster.local", "outgate.prod.svc.cluster.local"]
)
def test_istio_mutual_is_for_the_gateways_own_host(host):
    assert loaded(HTTP, rule("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}", host=host))


def test_istio_mutual_elsewhere_is_refused():
    strict = rule("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")
    assert refused(HTTP, strict) == ["spec.trafficPolicy.tls.mode"]
    assert refused(strict) == ["spec.trafficPolicy.tls.mode"]


def test_istio_mutual_to_the_outside_is_never_left_out():
    """Else traffic would leave in the clear."""
    mutual = rule("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")
    assert refused(HTTP, mutual, strict=False) == ["spec.trafficPolicy.tls.mode"]
    inside = entry("ports: [{number: 80, name: http, protocol: HTTP}]\nlocation: MESH_INTERNAL")
    assert "no other mesh identity" in warned(inside, mutual, strict=False)


def test_a_rule_that_applies_to_nothing_is_said():
    assert "is no registered host" in warned(HTTP, rule(SIMPLE, host="www.shop.example"))
    assert "is no registered host" not in warned(HTTP, rule(SIMPLE))


def test_the_mesh_has_a_connect_timeout_and_a_lowest_version():
    mesh = "meshConfig: {connectTimeout: 4s, tlsDefaults: {minProtocolVersion: TLSV1_3}}"
    made = port(mesh, HTTP, rule(SIMPLE), number=80)
    assert made.upstream.connect_timeout == 4.0
    assert made.upstream.tls.minimum_version == "TLSv1.3"
    assert made.tls.minimum_version == "TLSv1.3"


def test_a_destination_stays_whole_without_rules():
    assert destination(HTTP).ports[0].upstream.tls is None


def test_what_would_hold_for_the_hop_to_the_gateway_is_said():
    host = "istio-egressgateway.istio-system.svc.cluster.local"
    text = warned(HTTP, rule("trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, loadBalancer: {simple: RANDOM}}", host=host))
    assert "spec.trafficPolicy.loadBalancer: is about the hop to the egress gateway" in text
    assert "trafficPolicy.tls" not in text


def test_a_rule_that_selects_another_workload_is_said():
    selecting = "workloadSelector: {matchLabels: {app: web}}, " + SIMPLE
    assert "does not select this gate" in warned(HTTP, rule(selecting))
