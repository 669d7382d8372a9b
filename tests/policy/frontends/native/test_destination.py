"""`EgressDestination`: every field changes what is compiled, and fields that contradict each other are refused."""

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from outgate.policy.decide import decide
from outgate.policy.model import Endpoint, HeaderInjection, Intercept, Protocol, Resolution, Via
from outgate.problems import Severity
from policy.building import policy, problems, tcp

HEAD = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {name: d, namespace: prod}\nspec:\n  "


def made(spec, *, strict=True):
    (destination,) = policy(HEAD + spec.replace("\n", "\n  "), strict=strict).destinations
    return destination


def errors(spec):
    return [str(p) for p in problems(HEAD + spec.replace("\n", "\n  ")) if p.severity is Severity.ERROR]


def one(port="{number: 443}", rest=""):
    return f"hosts: [a.example]\nports: [{port}]\n{rest}"


def test_a_port_has_a_resolution_and_endpoints_of_its_own():
    (port,) = made(one("{number: 443, upstream: {resolution: static, endpoints: [{address: 192.0.2.1}]}}")).ports
    assert port.upstream.resolution is Resolution.STATIC
    assert "cannot resolve a wildcard" in errors("hosts: ['*.x']\nports: [{number: 1, upstream: {resolution: DNS}}]")[0]
    assert "STATIC needs endpoints" in errors(one("{number: 443, upstream: {resolution: STATIC}}"))[0]
    assert errors(one("{number: 443, upstream: {resolution: STATIC, endpoints: []}}")) == []


def test_a_destination_without_ports_is_warned_of():
    assert errors("hosts: [a.example]\nports: []") == []
    assert "spec.ports" in [problem.field for problem in problems(HEAD + "hosts: [a.example]\n  ports: []")]


def test_how_decrypted_tls_goes_on_is_verified_as_a_port_says():
    (port,) = made(one("{number: 443, protocol: HTTPS, tls: {subjectAltNames: [b.example]}}")).ports
    assert ([name.value for name in port.tls.names], port.upstream.tls) == (["b.example"], None)
    assert "no TLS is decrypted here" in errors(one("{number: 443, protocol: TLS, tls: {sni: b.example}}"))[0]
    assert "in the clear" in errors(one("{number: 443, protocol: HTTPS, tls: {mode: DISABLE}}"))[0]


def test_names_identity_and_provenance():
    destination = made(one())
    assert (destination.key, destination.name, destination.namespace) == ("EgressDestination/prod/d", "d", "prod")
    assert str(destination.source.where) == "policy.yaml:1:1"
    assert str(destination.ports[0].source.where) == "policy.yaml:6:11"
    assert destination.ports[0].source.field == "spec.ports[0]"


@pytest.mark.parametrize(
    ("rest", "field", "value"),
    [
        ("exportTo: [., dev]", "export_to", (".", "dev")),
        ("internal: true", "internal", True),
        (
            "allowAddresses: [10.1.0.0/16, 192.168.1.1]",
            "allow_networks",
            (ip_network("10.1.0.0/16"), ip_network("192.168.1.1")),
        ),
        ("region: eu", "region", "eu"),
        ("propagation: B3", "propagation", "b3"),
        ("", "propagation", ""),
        ("via: direct", "via", Via.DIRECT),
        ("", "via", None),
        ("expires: 2999-01-01T00:00:00Z", "expires", datetime(2999, 1, 1, tzinfo=UTC)),
        ("headers: {set: [{name: X-Team, value: web}]}", "headers", (HeaderInjection("x-team", "web"),)),
        ("addresses: [192.0.2.0/24]", "networks", (ip_network("192.0.2.0/24"),)),
        ("", "hosts", ("a.example",)),
        ("", "export_to", ("*",)),
    ],
)
def test_a_field_is_applied(rest, field, value):
    assert getattr(made(one(rest=rest)), field) == value


def test_hosts_are_made_canonical_and_internationalised_ones_are_said():
    text = HEAD + "hosts: [API.Example., bücher.example, '*.X.example', API.example]\n  ports: [{number: 443}]"
    compiled = policy(text)
    assert compiled.destinations[0].hosts == ("api.example", "xn--bcher-kva.example", "*.x.example")
    assert any("is read as xn--bcher-kva.example" in problem.what for problem in compiled.problems)


@pytest.mark.parametrize(
    ("port", "protocol", "intercept"),
    [
        ("{number: 443}", Protocol.ANY, Intercept.DECRYPT),
        ("{number: 443, protocol: https}", Protocol.HTTPS, Intercept.DECRYPT),
        ("{number: 443, protocol: HTTPS, intercept: TUNNEL}", Protocol.HTTPS, Intercept.TUNNEL),
        ("{number: 443, protocol: TLS}", Protocol.TLS, Intercept.TUNNEL),
        ("{number: 443, protocol: TLS, intercept: DECRYPT}", Protocol.TLS, Intercept.DECRYPT),
        ("{number: 443, protocol: TCP}", Protocol.TCP, Intercept.TUNNEL),
        ("{number: 443, protocol: GRPC}", Protocol.GRPC, Intercept.DECRYPT),
    ],
)
def test_protocol_and_intercept_of_a_port(port, protocol, intercept):
    (compiled,) = made(one(port)).ports
    assert (compiled.number, compiled.protocol, compiled.intercept) == (443, protocol, intercept)


def test_an_upstream_says_where_and_how_to_dial():
    (port,) = made(
        one("{number: 80, protocol: HTTP, upstream: {port: 8443, protocol: HTTP2, connectTimeout: 1.5s}}")
    ).ports
    assert (port.upstream.port, port.upstream.http2, port.upstream.connect_timeout, port.upstream.tls) == (
        8443,
        True,
        1.5,
        None,
    )
    (plain,) = made(one("{number: 80, protocol: HTTP}")).ports
    assert (plain.upstream.port, plain.upstream.http2, plain.upstream.connect_timeout) == (80, False, 10.0)


def test_https_upstream_is_tls_without_more_words():
    (port,) = made(one("{number: 80, protocol: HTTP, upstream: {port: 443, protocol: HTTPS}}")).ports
    assert port.upstream.tls is not None
    assert not port.upstream.tls.mutual


def test_endpoints_of_the_destination_serve_ports_without_their_own():
    text = one(
        "{number: 80}, {number: 443, upstream: {port: 8443, endpoints: [{address: 192.0.2.2}]}}",
        "endpoints: [{address: 192.0.2.1, port: 8080, weight: 3, priority: 1, locality: eu/a, labels: {v: one, a: b}}]",
    )
    plain, tls = made(text).ports
    assert plain.upstream.endpoints == (Endpoint("192.0.2.1", 8080, 3, 1, "eu/a", (("a", "b"), ("v", "one"))),)
    assert tls.upstream.endpoints == (Endpoint("192.0.2.2", 8443),)


@pytest.mark.parametrize(
    ("spec", "resolution"),
    [
        ("hosts: [a.example]\nports: [{number: 1}]", Resolution.DNS),
        ("hosts: ['*.example']\nports: [{number: 1}]", Resolution.DYNAMIC_DNS),
        ("addresses: [192.0.2.0/24]\nports: [{number: 1}]", Resolution.NONE),
        ("hosts: [a.example]\naddresses: [192.0.2.0/24]\nports: [{number: 1}]", Resolution.NONE),
        ("hosts: [a.example]\nendpoints: [{address: 192.0.2.1}]\nports: [{number: 1}]", Resolution.STATIC),
        ("hosts: [a.example]\nendpoints: [{address: b.example}]\nports: [{number: 1}]", Resolution.DNS),
        ("hosts: [a.example]\nresolution: DNS_ROUND_ROBIN\nports: [{number: 1}]", Resolution.DNS_ROUND_ROBIN),
    ],
)
def test_resolution_is_what_is_said_or_what_hosts_and_endpoints_suggest(spec, resolution):
    assert made(spec).ports[0].upstream.resolution is resolution


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("ports: [{number: 443}]", "neither hosts nor addresses"),
        ("hosts: [a.example]", "spec.ports: required value is missing"),
        (one("{protocol: HTTP}"), "spec.ports[0].number: required"),
        (one("{number: 0}"), "0 is out of range"),
        (one("{number: 443, protocol: UDP}"), '"UDP" is not known'),
        (one("{number: 443}, {number: 443}"), "443 is there twice"),
        (one(rest="resolution: NONE\nendpoints: [{address: 192.0.2.1}]"), "mean nothing with resolution NONE"),
        (one(rest="resolution: STATIC"), "STATIC needs endpoints"),
        (one(rest="resolution: STATIC\nendpoints: [{address: b.example}]"), "STATIC takes addresses alone"),
        ("hosts: ['*.example']\nresolution: DNS\nports: [{number: 443}]", "DNS cannot resolve a wildcard"),
        (one(rest="endpoints: [{port: 1}]"), "endpoints[0].address: required"),
        (one(rest="endpoints: [{address: '*.x'}]"), "spec.endpoints[0].address"),
        (one("{number: 443, protocol: TLS}", "headers: {set: [{name: a, value: b}]}"), "no port carries HTTP"),
        (one("{number: 443, protocol: TCP}", "headers: {set: [{name: a, value: b}]}"), "no port carries HTTP"),
        (one(rest="headers: {set: [{name: Host, value: b}]}"), "host frames the message"),
        (one(rest="headers: {set: [{name: 'a b', value: b}]}"), "is not valid"),
        (one(rest='headers: {set: [{name: a, value: "b\\r\\nc: d"}]}'), "no control characters"),
        (one(rest="headers: {set: [{name: a, value: b}, {name: A, value: c}]}"), "a is set twice"),
        (one(rest="headers: {setFromFile: [{name: a, value: b}]}"), "file: required"),
        (one(rest="expires: soon"), "expected a time"),
        (one(rest="hostz: [b]"), 'did you mean "hosts"?'),
        (one("{number: 443, upstream: {prot: 1}}"), 'did you mean "port"?'),
    ],
)
def test_what_is_wrong_is_said(spec, says):
    assert any(says in text for text in errors(spec)), errors(spec)


@pytest.mark.parametrize(
    ("port", "says"),
    [
        ("protocol: TCP, intercept: DECRYPT", "intercept: TCP is relayed as it is"),
        ("protocol: HTTP, intercept: DECRYPT", "intercept: is about TLS, and HTTP is without it"),
        ("protocol: HTTP, intercept: TUNNEL", "intercept: is about TLS, and HTTP is without it"),
        ("protocol: HTTP2, intercept: TUNNEL", None),
        ("protocol: HTTPS, upstream: {protocol: HTTP}", "upstream.protocol: would send HTTPS traffic in the clear"),
        ("protocol: TLS, intercept: DECRYPT, upstream: {protocol: HTTP}", "would send TLS traffic in the clear"),
        ("protocol: TLS, upstream: {protocol: GRPC}", "has no effect on TLS that passes unread"),
        ("protocol: TLS, upstream: {protocol: HTTPS}", "has no effect on TLS that passes unread"),
        ("protocol: HTTPS, intercept: TUNNEL, upstream: {protocol: HTTP2}", "has no effect on HTTPS that passes"),
        ("protocol: TCP, upstream: {protocol: HTTP}", "has no effect on TCP that passes unread"),
        ("protocol: TCP, upstream: {protocol: HTTPS}", None),
        ("protocol: HTTPS, upstream: {protocol: HTTP2}", None),
        ("protocol: TCP, intercept: TUNNEL", None),
    ],
)
def test_what_a_port_cannot_do_is_said_and_not_left_out(port, says):
    found = errors(one(f"{{number: 443, {port}}}"))
    assert (says in found[0]) if says else found == []


@pytest.mark.parametrize(
    ("intercept", "instead"), [("DECRYPT", "HTTPS, if the workload"), ("tunnel", "TLS, if TLS is to pass unread")]
)
def test_what_was_meant_by_intercept_on_plain_http_is_said_with_its_place(intercept, instead):
    (found,) = errors(one(f"{{number: 80, protocol: HTTP, intercept: {intercept}}}"))
    assert found.startswith("policy.yaml:6:")
    assert f"protocol: {instead}" in found


@pytest.mark.parametrize("export", ["['prod ']", "['~']", "['*x']", "[Prod]", "['']", "[]"])
def test_an_export_that_reaches_nobody_is_said(export):
    assert "spec.exportTo" in errors(one(rest=f"exportTo: {export}"))[0]


def test_a_broken_destination_is_left_out_of_a_load_that_fails():
    assert errors(one("{number: 443}, {number: 443}"))


def test_a_header_file_starts_from_the_directory_of_the_document(tmp_path):
    (tmp_path / "token").write_text("secret")
    from outgate.policy.compile import load
    from outgate.policy.frontends import Setting

    text = HEAD + one(rest="headers: {setFromFile: [{name: Authorization, file: token}]}").replace("\n", "\n  ")
    (tmp_path / "d.yaml").write_text(text)
    (destination,) = load([tmp_path], Setting()).destinations
    assert destination.headers == (HeaderInjection("authorization", file=str(tmp_path / "token")),)


def test_every_port_is_dialled_as_it_is():
    text = HEAD + "addresses: [192.0.2.0/24]\n  ports: [{number: 80, protocol: HTTP}, {number: '*', protocol: TCP}]"
    found = policy(text)
    for number, allowed in ((5432, True), (1, True), (80, False)):
        decision = decide(found, tcp("192.0.2.7", number))
        assert decision.allowed is allowed
        assert decision.port is None or decision.port.upstream.port == number
    assert not decide(found, tcp("192.0.3.7", 5432)).allowed


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        (one("{number: '*', upstream: {port: 80}}"), "spec.ports[0].upstream.port"),
        (one("{number: '*', upstream: {endpoints: [{address: b.example}]}}"), "spec.ports[0].upstream.endpoints"),
        (one("{number: '*'}", "endpoints: [{address: b.example}]"), "spec.endpoints"),
        (one("{number: '*'}, {number: '*'}"), "spec.ports[1].number"),
    ],
)
def test_every_port_has_no_other_one(spec, where):
    assert any(where in fault for fault in errors(spec)), errors(spec)
