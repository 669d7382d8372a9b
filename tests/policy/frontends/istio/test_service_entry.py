"""ServiceEntry: what is refused and where, and what an entry comes to."""

import pytest

from outgate.policy.model import Fate, Intercept, NameKind, Protocol, Resolution, SubjectName
from policy.frontends.istio.istio_building import (
    destination,
    document,
    entry,
    errors,
    loaded,
    port,
    refused,
    translate,
    warned,
)

ONE = "ports: [{number: 443, name: tls, protocol: HTTPS}]"
TWO = "ports: [{number: 443, name: tls, protocol: HTTPS}, {number: 80, name: web, protocol: HTTP}]"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{}", "spec.hosts"),
        ("{hosts: []}", "spec.hosts"),
        ("{hosts: ['*']}", "spec.hosts[0]"),
        ("{hosts: [a.example, '-']}", "spec.hosts[1]"),
        ("{hosts: [1.2.3.4]}", "spec.hosts[0]"),
        ("{hosts: [a.*.example]}", "spec.hosts[0]"),
        ("{hosts: ['*oo.example']}", "spec.hosts[0]"),
        ("{hosts: [a.example], addresses: [1.2.3]}", "spec.addresses[0]"),
        ("{hosts: [a.example], addresses: [10.0.0.0/33]}", "spec.addresses[0]"),
        ("{hosts: [a.example], addresses: [10.0.0.0/8], resolution: DNS}", "spec.addresses[0]"),
        ("{hosts: [a.example], ports: [{name: a}]}", "spec.ports[0].number"),
        ("{hosts: [a.example], ports: [{number: 1}]}", "spec.ports[0].name"),
        ("{hosts: [a.example], ports: [{number: 0, name: a}]}", "spec.ports[0].number"),
        ("{hosts: [a.example], ports: [{number: 1, name: a_b}]}", "spec.ports[0].name"),
        ("{hosts: [a.example], ports: [{number: 1, name: a}, {number: 2, name: a}]}", "spec.ports[1].name"),
        ("{hosts: [a.example], ports: [{number: 1, name: a}, {number: 1, name: b}]}", "spec.ports[1].number"),
        ("{hosts: [a.example], ports: [{number: 1, name: a, targetPort: 65536}]}", "spec.ports[0].targetPort"),
        ("{hosts: [a.example], ports: [{number: 1, name: a, protocol: QUIC}]}", "spec.ports[0].protocol"),
        ("{hosts: [a.example], ports: [null]}", "spec.ports[0]"),
        ("{hosts: [a.example], location: ELSEWHERE}", "spec.location"),
        ("{hosts: [a.example], resolution: GUESS}", "spec.resolution"),
        ("{hosts: [a.example], endpoints: [{address: 1.2.3.4}]}", "spec.endpoints"),
        ("{hosts: [a.example], resolution: STATIC, endpoints: [{address: b.example}]}", "spec.endpoints[0].address"),
        ("{hosts: [a.example], resolution: STATIC, endpoints: [{}]}", "spec.endpoints[0].address"),
        ("{hosts: ['*.a.example'], resolution: DNS}", "spec.hosts[0]"),
        ("{hosts: [a.example], resolution: DNS, endpoints: [{address: '*.b.example'}]}", "spec.endpoints[0].address"),
        ("{hosts: [a.example], resolution: DNS, endpoints: [{address: 'unix:///s'}]}", "spec.endpoints[0].address"),
        ("{hosts: [a.example], resolution: DNS_ROUND_ROBIN, endpoints: [{address: b.example}, {address: c.example}]}",
         "spec.endpoints"),
        ("{hosts: [a.example], resolution: DYNAMIC_DNS}", "spec.hosts[0]"),
        ("{hosts: ['*.a.example'], resolution: DYNAMIC_DNS, addresses: [1.2.3.4]}", "spec.addresses"),
        ("{hosts: ['*.a.example'], resolution: DYNAMIC_DNS, endpoints: [{address: 1.2.3.4}]}", "spec.endpoints"),
        (f"{{hosts: ['*.a.example'], resolution: DYNAMIC_DNS, {ONE}}}", "spec.ports[0].protocol"),
        ("{hosts: [a.example, b.example], resolution: DNS, ports: [{number: 1, name: a, protocol: TCP}]}",
         "spec.ports[0].protocol"),
        ("{hosts: [a.example, b.example], resolution: DNS, ports: [{number: 1, name: a}]}", "spec.ports[0].protocol"),
        (f"{{hosts: [a.example], resolution: STATIC, {ONE}, endpoints: [{{address: 1.2.3.4, ports: {{web: 1}}}}]}}",
         "spec.endpoints[0].ports.web"),
        (f"{{hosts: [a.example], resolution: STATIC, {ONE}, endpoints: [{{address: 1.2.3.4, ports: {{tls: 0}}}}]}}",
         "spec.endpoints[0].ports.tls"),
        ("{hosts: [a.example], resolution: STATIC, endpoints: [{address: 1.2.3.4, labels: {'a b': c}}]}",
         "spec.endpoints[0].labels.a b"),
        (f"{{hosts: [a.example], resolution: STATIC, {ONE}, endpoints: [{{address: 'unix://x'}}]}}",
         "spec.endpoints[0].address"),
        ("{hosts: [a.example], resolution: STATIC, endpoints: [{address: 'unix:///x'}]}", "spec.ports"),
        (f"{{hosts: [a.example], resolution: STATIC, {TWO}, endpoints: [{{address: 'unix:///x'}}]}}", "spec.ports"),
        (f"{{hosts: [a.example], resolution: STATIC, {ONE}, endpoints: [{{address: 'unix:///x', ports: {{tls: 1}}}}]}}",
         "spec.endpoints[0].ports"),
        ("{hosts: [a.example], workloadSelector: {labels: {app: 'web-*'}}}", "spec.workloadSelector.labels.app"),
        ("{hosts: [a.example], workloadSelector: {labels: {'': web}}}", "spec.workloadSelector.labels."),
        ("{hosts: [a.example], resolution: STATIC, workloadSelector: {}, endpoints: [{address: 1.2.3.4}]}",
         "spec.workloadSelector"),
        ("{hosts: [a.example], exportTo: [prod, '.']}", "spec.exportTo[1]"),
        ("{hosts: [a.example], exportTo: ['*', prod]}", "spec.exportTo[0]"),
        ("{hosts: [a.example], exportTo: ['~', prod]}", "spec.exportTo[0]"),
        ("{hosts: [a.example], exportTo: [a.b]}", "spec.exportTo[0]"),
        ("{hosts: [a.example], host: b.example}", "spec.host"),
        ("{hosts: [a.example], subjectAltNames: ['']}", "spec.subjectAltNames[0]"),
    ],
)  # fmt: skip
def test_what_istio_refuses_is_refused_on_its_field(spec, field):
    assert field in refused(document("ServiceEntry", spec), strict=True)


def test_a_problem_stands_at_the_value():
    (problem,) = errors(
        translate("""\
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: shop}
        spec:
          hosts: [api.shop.example]
          resolution: DNS_ROUND_ROBIN
          ports:
          - {number: 443, name: tls, protocol: HTTPS}
          - {number: 444, name: tls, protocol: HTTPS}
    """)
    )
    assert str(problem.where) == "istio.yaml:9:25"
    assert problem.field == "spec.ports[1].name"


def test_a_misspelt_field_names_the_likely_one():
    (problem,) = errors(translate(document("ServiceEntry", "{hosts: [a.example], resoluton: DNS}")))
    assert problem.field == "spec.resoluton"
    assert problem.hint == 'did you mean "resolution"?'


def test_snake_case_is_read_as_protobuf_writes_it():
    assert destination(entry("subject_alt_names: [x.example]\nexport_to: ['.']")).export_to == (".",)


def test_a_version_that_does_not_exist_is_refused():
    assert refused(document("ServiceEntry", "{hosts: [a.example]}", version="v2")) == ["apiVersion"]


@pytest.mark.parametrize(
    ("name", "protocol", "treatment", "http2"),
    [
        ("HTTP", Protocol.HTTP, Intercept.DECRYPT, False),
        ("http", Protocol.HTTP, Intercept.DECRYPT, False),
        ("GRPC-Web", Protocol.HTTP, Intercept.DECRYPT, False),
        ("http_proxy", Protocol.HTTP, Intercept.DECRYPT, False),
        ("HTTP2", Protocol.HTTP2, Intercept.DECRYPT, True),
        ("grpc", Protocol.GRPC, Intercept.DECRYPT, True),
        ("HTTPS", Protocol.HTTPS, Intercept.DECRYPT, False),
        ("TLS", Protocol.TLS, Intercept.TUNNEL, False),
        ("TCP", Protocol.TCP, Intercept.TUNNEL, False),
        ("mongo", Protocol.TCP, Intercept.TUNNEL, False),
        ("redis", Protocol.TCP, Intercept.TUNNEL, False),
        ("MySQL", Protocol.TCP, Intercept.TUNNEL, False),
        ('""', Protocol.ANY, Intercept.TUNNEL, False),
    ],
)
def test_protocols_in_any_case(name, protocol, treatment, http2):
    made = port(entry(f"ports: [{{number: 443, name: a, protocol: {name}}}]\naddresses: [192.0.2.1]"))
    assert (made.protocol, made.intercept, made.upstream.http2) == (protocol, treatment, http2)


def test_a_udp_port_is_left_out_and_said():
    text = entry("ports: [{number: 53, name: dns, protocol: UDP}, {number: 443, name: tls, protocol: TLS}]")
    assert [port.number for port in destination(text).ports] == [443]
    assert "UDP is not carried" in warned(text)


def test_tcp_without_addresses_is_warned_of():
    assert "told apart by their port alone" in warned(entry("ports: [{number: 5432, name: sql, protocol: TCP}]"))


def test_names_networks_and_exports():
    made = destination(
        entry(
            """
            addresses: [192.0.2.1, 10.1.2.3/8, 001:db8::]
            resolution: NONE
            exportTo: [prod, "web"]
            """,
            hosts="[API.Shop.Example., '*.CDN.example']",
        )
    )
    assert made.hosts == ("api.shop.example", "*.cdn.example")
    assert [str(network) for network in made.networks] == ["192.0.2.1/32", "10.0.0.0/8", "1:db8::/128"]
    assert made.export_to == ("prod", "web")
    assert made.key == "istio/prod/shop"
    assert not made.internal


def test_an_address_that_ends_a_flow_list_in_a_colon_is_read_as_written():
    """YAML makes a mapping of it."""
    assert [str(network) for network in destination(entry("addresses: [fd00::]")).networks] == ["fd00::/128"]


def test_exported_to_nobody():
    assert destination(entry("exportTo: ['~']")).export_to == ("~",)


def test_in_mesh():
    assert destination(entry("location: MESH_INTERNAL")).internal


def test_a_document_without_a_namespace_is_the_gates():
    text = entry().replace(", namespace: prod", "")
    assert destination(text, namespace="edge").namespace == "edge"


def test_endpoints_take_the_port_by_name_then_the_target_port():
    made = port(
        entry(
            """
            ports: [{number: 443, name: tls, protocol: HTTPS, targetPort: 8443}]
            resolution: STATIC
            endpoints:
            - {address: 192.0.2.7, ports: {tls: 9443}, weight: 3, locality: eu/a, labels: {b: "2", a: "1"}}
            - {address: "2001:DB8::1"}
            """
        )
    )
    first, second = made.upstream.endpoints
    assert (first.address, first.port, first.weight, first.locality) == ("192.0.2.7", 9443, 3, "eu/a")
    assert first.labels == (("a", "1"), ("b", "2"))
    assert (second.address, second.port, second.weight) == ("2001:db8::1", 8443, 1)
    assert made.upstream.port == 8443


@pytest.mark.parametrize("resolution", list(Resolution))
def test_every_resolution(resolution):
    hosts = "['*.shop.example']" if resolution is Resolution.DYNAMIC_DNS else "[api.shop.example]"
    endpoints = "endpoints: [{address: 192.0.2.7}]" if resolution is Resolution.STATIC else ""
    text = entry(f"resolution: {resolution}\nports: [{{number: 443, name: t, protocol: TLS}}]\n{endpoints}", hosts)
    assert port(text).upstream.resolution is resolution


def test_resolution_unset_is_none():
    text = document("ServiceEntry", "{hosts: [a.example], ports: [{number: 443, name: t, protocol: TLS}]}")
    assert port(text).upstream.resolution is Resolution.NONE


def test_static_without_endpoints_reaches_nothing_and_says_so():
    assert "reaches nothing" in warned(entry("resolution: STATIC"))


def test_names_that_the_server_may_have():
    names = port(entry("subjectAltNames: [shop.example, 'spiffe://shop/sa']")).tls.names
    assert names == (SubjectName(NameKind.EXACT, "shop.example"), SubjectName(NameKind.EXACT, "spiffe://shop/sa"))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("workloadSelector: {labels: {app: web}}", "spec.workloadSelector"),
        ("resolution: STATIC\nendpoints: [{address: 'unix:///run/a.sock'}]", "spec.endpoints[0].address"),
    ],
)
def test_what_would_change_where_traffic_goes_is_refused_when_strict(spec, field):
    assert refused(entry(spec)) == [field]
    assert "not yet applied" in warned(entry(spec), strict=False)


def test_half_a_wildcard_is_refused_when_strict_and_else_left_out():
    text = entry("resolution: NONE", hosts="['*shop.example', api.shop.example]")
    assert refused(text) == ["spec.hosts[0]"]
    assert destination(text, strict=False).hosts == ("api.shop.example",)


def test_a_socket_is_left_out_when_lenient():
    text = entry(
        "resolution: STATIC\nendpoints: [{address: 'unix:///run/a.sock'}, {address: 192.0.2.7}]", "[a.example]"
    )
    made = port(text, strict=False)
    assert [endpoint.address for endpoint in made.upstream.endpoints] == ["192.0.2.7"]


def test_what_subsets_and_locality_balancing_look_at_is_kept():
    found = loaded(
        entry("resolution: STATIC\nendpoints: [{address: 192.0.2.7, locality: eu/west, labels: {zone: a}, weight: 2}]")
    )
    (endpoint,) = found.destinations[0].ports[0].upstream.endpoints
    assert (endpoint.locality, endpoint.labels) == ("eu/west", (("zone", "a"),))
    fates = {report.path.rpartition(".")[2]: report.fate for report in found.fields if "endpoints[0]." in report.path}
    assert fates == {
        "address": Fate.APPLIED,
        "locality": Fate.APPLIED,
        "labels": Fate.APPLIED,
        "weight": Fate.APPLIED,
    }


def test_every_field_of_a_document_is_accounted_for():
    found = loaded(entry("exportTo: ['.']"))
    assert {report.path for report in found.fields} >= {
        "spec", "spec.hosts", "spec.ports", "spec.ports[0].number", "spec.exportTo", "metadata.name",
    }  # fmt: skip


def test_several_hosts_make_one_destination_as_long_as_they_are_treated_alike():
    assert destination(entry(hosts="[a.example, b.example]")).hosts == ("a.example", "b.example")


def test_the_dry_run_annotation_is_for_authorization_policies():
    text = entry().replace("name: shop,", 'name: shop, annotations: {istio.io/dry-run: "true"},')
    assert refused(text) == ["metadata.annotations.istio.io/dry-run"]
