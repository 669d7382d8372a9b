"""Gateway: what is refused and where, and whether one is about this gate."""

import pytest

from outgate.policy.model import Intercept
from policy.frontends.istio.istio_building import document, entry, port, refused, warned

HTTPS = entry()
PASSED = "{port: {number: 443, name: tls, protocol: TLS}, hosts: [api.shop.example], tls: {mode: PASSTHROUGH}}"


def gateway(servers: str, selector: str = "{istio: egressgateway}", name: str = "out") -> str:
    return document("Gateway", f"{{selector: {selector}, servers: [{servers}]}}", name)


def server(port: str = "{number: 443, name: tls, protocol: TLS}", hosts: str = "[a.example]", rest: str = "") -> str:
    return gateway(f"{{port: {port}, hosts: {hosts}{', ' + rest if rest else ''}}}")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{}", "spec.servers"),
        ("{servers: []}", "spec.servers"),
        ("{servers: [{hosts: [a.example]}]}", "spec.servers[0].port"),
        ("{servers: [{port: {number: 80, name: a, protocol: HTTP}}]}", "spec.servers[0].hosts"),
        ("{servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: []}]}", "spec.servers[0].hosts"),
    ],
)
def test_what_istio_refuses_of_the_whole(spec, field):
    assert field in refused(document("Gateway", spec))


@pytest.mark.parametrize(
    "host", ["short", "*oo.example", "~/a.example", "a_b/a.example", "a.example:80", "prod/", "prod/short"]
)
def test_hosts_that_istio_refuses(host):
    assert refused(server("{number: 80, name: a, protocol: HTTP}", f"['{host}']")) == ["spec.servers[0].hosts[0]"]


@pytest.mark.parametrize("host", ["*", "*.a.example", "prod/a.example", "./*", "*/a.example", "192.0.2.1"])
def test_hosts_that_istio_takes(host):
    assert refused(server("{number: 80, name: a, protocol: HTTP}", f"['{host}']")) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("{number: 0, name: a, protocol: HTTP}", "number"),
        ("{number: 65536, name: a, protocol: HTTP}", "number"),
        ("{number: 80, name: a, protocol: ''}", "protocol"),
        ("{number: 80, name: a}", "protocol"),
        ("{number: 80, name: '', protocol: HTTP}", "name"),
        ("{number: 80, name: a, protocol: HTTP, targetPort: 1}", "targetPort"),
    ],
)
def test_ports_that_istio_refuses(given, field):
    assert f"spec.servers[0].port.{field}" in refused(server(given))


@pytest.mark.parametrize(
    ("rest", "field"),
    [
        ("", "tls"),
        ("tls: {mode: SIMPLE}", "tls.serverCertificate"),
        ("tls: {mode: SIMPLE, serverCertificate: /a}", "tls.privateKey"),
        ("tls: {mode: MUTUAL, serverCertificate: /a, privateKey: /a}", "tls.caCertificates"),
        ("tls: {mode: OPTIONAL_MUTUAL, serverCertificate: /a, privateKey: /a}", "tls.caCertificates"),
        ("tls: {mode: ISTIO_MUTUAL, credentialName: a}", "tls.credentialName"),
        ("tls: {mode: ISTIO_MUTUAL, serverCertificate: /a}", "tls.serverCertificate"),
        ("tls: {mode: SIMPLE, credentialName: a, serverCertificate: /a, privateKey: /a}", "tls.credentialName"),
        ("tls: {mode: SIMPLE, credentialName: a, credentialNames: [b]}", "tls.credentialNames"),
        ("tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: /a}]}", "tls.tlsCertificates[0].privateKey"),
        ("tls: {mode: SIMPLE, serverCertificate: /a, privateKey: /a, caCrl: /a}", "tls.caCrl"),
        ("tls: {mode: PASSTHROUGH, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2}",
         "tls.maxProtocolVersion"),
        ("tls: {mode: PASSTHROUGH, verifyCertificateHash: [abc]}", "tls.verifyCertificateHash[0]"),
        ("tls: {mode: PASSTHROUGH, verifyCertificateSpki: [abc]}", "tls.verifyCertificateSpki[0]"),
        ("tls: {mode: SOMETIMES}", "tls.mode"),
        ("bind: unix://x, tls: {mode: PASSTHROUGH}", "bind"),
        ("bind: 'unix:///x', tls: {mode: PASSTHROUGH}", "port.number"),
        ("bind: here, tls: {mode: PASSTHROUGH}", "bind"),
    ],
)  # fmt: skip
def test_tls_that_istio_refuses(rest, field):
    assert f"spec.servers[0].{field}" in refused(server(rest=rest))


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_tls_on_a_plain_port_is_refused(protocol):
    text = server(f"{{number: 80, name: a, protocol: {protocol}}}", rest="tls: {mode: SIMPLE, credentialName: a}")
    assert refused(text) == ["spec.servers[0].tls"]


def test_two_ports_of_one_name_are_refused():
    assert refused(gateway(f"{PASSED}, {PASSED}")) == ["spec.servers[1].port.name"]


def test_a_name_with_dots_is_refused():
    assert refused(gateway(PASSED, name="out.gate")) == ["metadata.name"]


def test_a_gateway_may_redirect_what_comes_to_it_in_the_clear():
    text = server("{number: 80, name: a, protocol: HTTP}", rest="tls: {httpsRedirect: true}")
    assert refused(text) == []


def test_certificates_that_passthrough_does_not_use_are_said():
    assert "uses no certificates" in warned(server(rest="tls: {mode: PASSTHROUGH, credentialName: a}"))


def test_old_versions_without_their_ciphers_are_said():
    assert "cipher suites of its time" in warned(server(rest="tls: {mode: PASSTHROUGH, minProtocolVersion: TLSV1_0}"))


def test_ciphers_that_do_not_exist_or_come_twice_are_said():
    text = warned(server(rest="tls: {mode: PASSTHROUGH, cipherSuites: [ROT13, AES128-SHA, AES128-SHA]}"))
    assert '"ROT13" is not a cipher suite' in text
    assert '"AES128-SHA" is given twice' in text


def test_a_passthrough_gateway_makes_a_tunnel_of_a_https_port():
    assert port(HTTPS).intercept is Intercept.DECRYPT
    assert port(HTTPS, gateway(PASSED)).intercept is Intercept.TUNNEL


@pytest.mark.parametrize("mode", ["ISTIO_MUTUAL", "SIMPLE, credentialName: shop"])
def test_a_gateway_that_terminates_tls_leaves_the_port_decrypted(mode):
    text = gateway(PASSED.replace("PASSTHROUGH", mode).replace("protocol: TLS", "protocol: HTTPS"))
    assert port(HTTPS, text).intercept is Intercept.DECRYPT


@pytest.mark.parametrize("hosts", ["['*']", "['*.example']", "[prod/api.shop.example]", "['./*.shop.example']"])
def test_a_server_covers_a_host_by_wildcard(hosts):
    text = gateway(PASSED.replace("[api.shop.example]", hosts))
    assert port(HTTPS, text).intercept is Intercept.TUNNEL


@pytest.mark.parametrize("change", [("443", "444"), ("[api.shop.example]", "[www.shop.example]")])
def test_another_port_or_host_changes_nothing(change):
    assert port(HTTPS, gateway(PASSED.replace(*change))).intercept is Intercept.DECRYPT


def test_a_plain_tls_port_under_passthrough_is_no_tunnel_when_http():
    text = entry("ports: [{number: 443, name: odd, protocol: HTTP}]")
    assert port(text, gateway(PASSED)).intercept is Intercept.DECRYPT


def test_a_gate_of_its_own_takes_what_selects_it():
    own = {"collapses": False, "labels": (("istio", "egressgateway"), ("zone", "a"))}
    assert port(HTTPS, gateway(PASSED), **own).intercept is Intercept.TUNNEL
    assert port(HTTPS, gateway(PASSED, "{}"), **own).intercept is Intercept.TUNNEL
    assert port(HTTPS, gateway(PASSED, "{istio: other}"), **own).intercept is Intercept.DECRYPT


def test_a_gateway_that_selects_nothing_is_said_unless_the_gate_stands_for_it():
    assert "selects nothing on this gate" in warned(HTTPS, gateway(PASSED), collapses=False)
    assert "selects nothing" not in warned(HTTPS, gateway(PASSED))


@pytest.mark.parametrize(
    ("selector", "applied"),
    [
        ("{istio: egressgateway}", True),
        ("{app: istio-egressgateway}", True),
        ("{app: my-egress-gateway, zone: a}", True),
        ("{}", True),
        ("{istio: ingressgateway}", False),
        ("{app: noegressgateway}", False),
        ("{app: egress-gateway-logger}", False),
    ],
)
def test_a_gate_that_stands_for_the_egress_gateway_takes_no_other_gateways(selector, applied):
    expected = Intercept.TUNNEL if applied else Intercept.DECRYPT
    assert port(HTTPS, gateway(PASSED, selector)).intercept is expected
    assert ("selects nothing" in warned(HTTPS, gateway(PASSED, selector))) is not applied


def test_passthrough_is_about_whatever_tls_a_port_may_carry():
    text = entry("ports: [{number: 443, name: calls, protocol: GRPC}]")
    assert port(text, gateway(PASSED)).intercept is Intercept.TUNNEL
