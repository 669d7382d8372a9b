"""Where the traffic of a registered host ends: routes to another port of it, and the hop through an egress gateway."""

import pytest

from outgate.policy.model import Intercept, Protocol, Resolution
from policy.frontends.istio.istio_building import destination, document, entry, loaded, port, refused, warned

PORTS = "ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: HTTPS}]"
SHOP = entry(PORTS)
ORIGINATE = document(
    "DestinationRule",
    """{host: api.shop.example, trafficPolicy: {portLevelSettings: [
        {port: {number: 443}, tls: {mode: MUTUAL, clientCertificate: /a.crt, privateKey: /a.key}}]}}""",
)
GATEWAY_HOST = "istio-egressgateway.istio-system.svc.cluster.local"


def to(number: int, host: str = "api.shop.example") -> str:
    return f"[{{destination: {{host: {host}, port: {{number: {number}}}}}}}]"


def service(routes: str, gateways: str = "[mesh]", hosts: str = "[api.shop.example]", name: str = "routes") -> str:
    return document("VirtualService", f"{{hosts: {hosts}, gateways: {gateways}, {routes}}}", name)


def gateway(number: int = 80, protocol: str = "HTTP", rest: str = "", name: str = "out", hosts: str = "") -> str:
    server = (
        f"{{port: {{number: {number}, name: a, protocol: {protocol}}}, hosts: {hosts or '[api.shop.example]'}{rest}}}"
    )
    return document("Gateway", f"{{selector: {{istio: egressgateway}}, servers: [{server}]}}", name)


def two_hops(here: int = 80, between: int = 80, there: int = 443, kind: str = "http", name: str = "out") -> str:
    """From a sidecar to the gateway's port, and from there to the host's."""
    sni = "sniHosts: [api.shop.example], " if kind == "tls" else ""
    return f"""{kind}: [
        {{match: [{{{sni}gateways: [mesh], port: {here}}}], route: {to(between, GATEWAY_HOST)}}},
        {{match: [{{{sni}gateways: [{name}], port: {between}}}], route: {to(there)}}}]"""


EIGHTY = service(f"http: [{{match: [{{port: 80}}], route: {to(443)}}}]")


def test_http_in_and_tls_out():
    made = port(SHOP, EIGHTY, ORIGINATE, number=80)
    assert (made.protocol, made.upstream.port) == (Protocol.HTTP, 443)
    assert made.upstream.tls.client_certificate == "/a.crt"


def test_the_target_port_of_the_port_that_is_routed_to():
    text = entry(
        "ports: [{number: 80, name: a, protocol: HTTP}, {number: 443, name: b, protocol: HTTPS, targetPort: 8443}]"
    )
    assert port(text, EIGHTY, ORIGINATE, number=80).upstream.port == 8443


def test_the_endpoints_of_the_port_that_is_routed_to():
    text = entry(f"{PORTS}\nresolution: STATIC\nendpoints: [{{address: 192.0.2.7, ports: {{http: 8080, tls: 8443}}}}]")
    assert [endpoint.port for endpoint in port(text, EIGHTY, ORIGINATE, number=80).upstream.endpoints] == [8443]
    assert [endpoint.port for endpoint in port(text, number=80).upstream.endpoints] == [8080]


def test_a_port_of_another_entry_for_the_host():
    one = entry("ports: [{number: 80, name: http, protocol: HTTP}]", name="one")
    other = entry("ports: [{number: 443, name: tls, protocol: HTTPS}]\nresolution: NONE", name="other")
    first, _ = loaded(one, other, EIGHTY, ORIGINATE).destinations
    assert (first.name, first.ports[0].upstream.port, first.ports[0].upstream.resolution) == (
        "one",
        443,
        Resolution.NONE,
    )


def test_a_route_to_a_port_that_nobody_registers_is_refused_there():
    text = entry("ports: [{number: 80, name: http, protocol: HTTP}]")
    assert destination(text, EIGHTY).ports == ()
    assert "ends at port 443, which is none" in warned(text, EIGHTY)


def test_plain_http_to_a_tls_port_is_said():
    assert "in the clear" in warned(SHOP, EIGHTY)
    assert "in the clear" not in warned(SHOP, EIGHTY, ORIGINATE)


def test_a_target_port_alone_originates_too():
    text = entry("ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]")
    rule = document(
        "DestinationRule",
        "{host: api.shop.example, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]}}",
    )
    made = port(text, rule, number=80)
    assert made.upstream.port == 443
    assert made.upstream.tls is not None


def test_the_two_hops_through_an_egress_gateway_are_one():
    made = port(SHOP, gateway(), service(two_hops(), "[mesh, out]"), ORIGINATE, number=80)
    assert (made.upstream.port, made.upstream.tls.client_certificate) == (443, "/a.crt")
    assert made.intercept is Intercept.DECRYPT


def test_the_hops_may_be_in_two_documents_and_namespaces():
    first = service(f"http: [{{route: {to(80, GATEWAY_HOST)}}}]", "[mesh]", name="first")
    second = service(f"http: [{{route: {to(443)}}}]", "[infra/out]", name="second")
    there = gateway().replace("namespace: prod", "namespace: infra")
    assert port(SHOP, there, first, second, ORIGINATE, number=80).upstream.port == 443


def test_a_gateway_lets_only_some_namespaces_bind():
    first = service(f"http: [{{route: {to(80, GATEWAY_HOST)}}}]", "[mesh]", name="first")
    second = service(f"http: [{{route: {to(443)}}}]", "[infra/out]", name="second")
    there = gateway(hosts="[./api.shop.example]").replace("namespace: prod", "namespace: infra")
    assert 80 not in [made.number for made in destination(SHOP, there, first, second).ports]


def test_the_gateways_port_may_be_another():
    between = gateway(8080)
    made = port(SHOP, between, service(two_hops(between=8080), "[mesh, out]"), ORIGINATE, number=80)
    assert made.upstream.port == 443


def test_mesh_tls_on_the_hop_is_collapsed():
    """HTTP from the sidecar, mutual TLS to the gateway, TLS from there."""
    between = gateway(443, "HTTPS", ", tls: {mode: ISTIO_MUTUAL}")
    hop = document(
        "DestinationRule", f"{{host: {GATEWAY_HOST}, trafficPolicy: {{tls: {{mode: ISTIO_MUTUAL}}}}}}", "hop"
    )
    made = port(SHOP, between, service(two_hops(between=443), "[mesh, out]"), hop, ORIGINATE, number=80)
    assert (made.upstream.port, made.upstream.tls.mutual) == (443, True)


def test_a_passthrough_gateway_on_the_way_makes_a_tunnel():
    between = gateway(8443, "TLS", ", tls: {mode: PASSTHROUGH}")
    made = port(SHOP, between, service(two_hops(443, 8443, 443, "tls"), "[mesh, out]"))
    assert made.intercept is Intercept.TUNNEL


def test_a_subset_of_the_gateway_means_nothing():
    hops = two_hops().replace(f"host: {GATEWAY_HOST},", f"host: {GATEWAY_HOST}, subset: shop,")
    assert port(SHOP, gateway(), service(hops, "[mesh, out]"), ORIGINATE, number=80).upstream.port == 443


@pytest.mark.parametrize(
    "texts",
    [
        (gateway(), service(two_hops(), "[mesh]")),
        (gateway(), service(two_hops(name="other"), "[mesh, other]")),
    ],
    ids=["the gateway is not bound", "another gateway is"],
)
def test_a_gateway_without_a_route_on_is_refused_there(texts):
    """Istio answers 404 there."""
    assert [made.number for made in destination(SHOP, *texts, ORIGINATE).ports] == [443]
    assert "refused on port 80: no route takes it" in warned(SHOP, *texts, ORIGINATE)


def test_a_gateway_that_the_gate_does_not_stand_for_is_somewhere_else():
    texts = (SHOP, gateway(), service(two_hops(), "[mesh, out]"))
    assert refused(*texts, collapses=False) == ["spec.http[0].route[0].destination.host"]


def test_http_that_no_route_takes_is_refused():
    """A host with HTTP routes has those only; Istio answers 404 to the rest."""
    text = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 8080, name: b, protocol: HTTP}, "
                 "{number: 443, name: c, protocol: HTTPS}]")  # fmt: skip
    assert [made.number for made in destination(text, EIGHTY, ORIGINATE).ports] == [80, 443]


def test_tls_that_no_route_takes_goes_as_it_was():
    text = entry("ports: [{number: 443, name: a, protocol: TLS}, {number: 444, name: b, protocol: TLS}]")
    routes = service(f"tls: [{{match: [{{sniHosts: [api.shop.example], port: 443}}], route: {to(444)}}}]")
    made = {each.number: each.upstream.port for each in destination(text, routes).ports}
    assert made == {443: 444, 444: 444}


def test_tcp_routes():
    text = entry(
        "addresses: [192.0.2.1]\nports: [{number: 1, name: a, protocol: TCP}, {number: 2, name: b, protocol: TCP}]"
    )
    routes = service(f"tcp: [{{match: [{{port: 1}}], route: {to(2)}}}]")
    assert [each.upstream.port for each in destination(text, routes).ports] == [2, 2]


def test_the_first_route_that_matches_counts():
    routes = service(f"http: [{{match: [{{port: 81}}, {{port: 80}}], route: {to(443)}}}, {{route: {to(80)}}}]")
    assert port(SHOP, routes, ORIGINATE, number=80).upstream.port == 443


def test_a_prefix_that_every_path_has_is_no_condition():
    routes = service(f"http: [{{match: [{{uri: {{prefix: /}}}}], route: {to(443)}}}]")
    assert port(SHOP, routes, ORIGINATE, number=80).upstream.port == 443


def test_conditions_do_not_matter_where_all_routes_lead_to_one_place():
    routes = service(
        f"http: [{{match: [{{uri: {{prefix: /a}}}}], timeout: 1s, route: {to(443)}}}, {{route: {to(443)}}}]"
    )
    assert port(SHOP, routes, ORIGINATE, number=80).upstream.port == 443


@pytest.mark.parametrize(
    "routes",
    [
        f"http: [{{match: [{{uri: {{prefix: /a}}}}], route: {to(443)}}}, {{route: {to(80)}}}]",
        f"http: [{{match: [{{method: {{exact: GET}}}}], route: {to(443)}}}]",
        f"http: [{{match: [{{sourceNamespace: web}}], route: {to(443)}}}, {{route: {to(80)}}}]",
    ],
)
def test_routes_that_differ_by_what_is_not_looked_at_are_refused_when_strict(routes):
    assert refused(SHOP, service(routes), ORIGINATE) == ["spec.http[0]"]
    assert "depends on more than port and gateway" in warned(SHOP, service(routes), ORIGINATE, strict=False)


@pytest.mark.parametrize(
    ("routes", "field"),
    [
        (f"http: [{{route: {to(443, 'www.shop.example')}}}]", "spec.http[0].route[0].destination.host"),
        (f"http: [{{route: {to(443, 'pay')}}}]", "spec.http[0].route[0].destination.host"),
        ("http: [{route: [{destination: {host: api.shop.example, subset: a}}]}]",
         "spec.http[0].route[0].destination.subset"),
        (f"http: [{{route: [{to(80)[1:-2]}, weight: 1}}, {to(443)[1:-2]}, weight: 1}}]}}]", "spec.http[0].route"),
        (f"tcp: [{{route: {to(443, 'www.shop.example')}}}]", "spec.tcp[0].route[0].destination.host"),
    ],
)  # fmt: skip
def test_a_route_to_anywhere_else_is_refused_when_strict(routes, field):
    assert refused(SHOP, service(routes)) == [field]
    assert refused(service(routes)) == [field]
    assert "not yet applied" in warned(SHOP, service(routes), strict=False)


def test_a_weight_of_zero_is_never_taken():
    shares = f"[{to(443)[1:-2]}, weight: 0}}, {to(80)[1:-2]}, weight: 1}}]"
    assert port(SHOP, service(f"http: [{{route: {shares}}}]"), number=80).upstream.port == 80


def test_the_most_specific_name_has_the_host():
    wide = service(
        f"http: [{{route: {to(80)}}}]".replace("api.shop.example", "api.shop.example"),
        hosts="['*.shop.example']",
        name="w",
    )
    exact = service(f"http: [{{route: {to(443)}}}]", name="e")
    assert port(SHOP, wide, exact, ORIGINATE, number=80, strict=False).upstream.port == 443


def test_the_first_of_several_for_one_host_counts_for_sidecars():
    one, two = service(f"http: [{{route: {to(443)}}}]", name="one"), service(f"http: [{{route: {to(80)}}}]", name="two")
    assert port(SHOP, one, two, ORIGINATE, number=80).upstream.port == 443
    assert "prod" not in warned(SHOP, one, ORIGINATE)
    assert "no registered traffic" in warned(SHOP, one, two, ORIGINATE)


def test_routes_that_are_exported_less_than_the_host_are_refused_when_strict():
    text = document("VirtualService", f"{{hosts: [api.shop.example], exportTo: ['.'], http: [{{route: {to(443)}}}]}}")
    assert refused(SHOP, text, ORIGINATE) == ["spec.exportTo"]
    assert refused(entry(f"{PORTS}\nexportTo: [prod]"), text, ORIGINATE) == []


def test_routes_for_a_part_of_a_registered_wildcard_are_refused_when_strict():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example']")
    assert refused(text, service(f"http: [{{route: {to(443)}}}]")) == ["spec.hosts[0]"]


def test_wildcards_are_routed_as_wildcards():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example']")
    star = "'*.shop.example'"
    routes = service(f"http: [{{match: [{{port: 80}}], route: {to(443, star)}}}]", hosts=f"[{star}]")
    assert port(text, routes, number=80).upstream.port == 443


def test_a_wildcard_sent_to_one_host_is_somewhere_else():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example', www.shop.example]")
    routes = service(
        f"tls: [{{match: [{{sniHosts: ['*.shop.example']}}], route: {to(443, 'www.shop.example')}}}]",
        hosts="['*.shop.example']",
    )
    assert refused(text, routes) == ["spec.tls[0].route[0].destination.host"]


def test_names_that_only_some_of_a_wildcard_have_are_a_condition():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example']")
    routes = service(
        f"""tls: [{{match: [{{sniHosts: [a.shop.example]}}], route: {to(80, "'*.shop.example'")}}}]""",
        hosts="['*.shop.example']",
    )
    assert refused(text, routes) == ["spec.tls[0]"]


def test_routes_for_what_is_not_registered_are_said():
    assert "no registered traffic of api.shop.example" in warned(EIGHTY)


def test_routes_without_hosts_are_for_others_to_delegate_to():
    text = document("VirtualService", f"{{http: [{{route: {to(443)}}}]}}")
    assert "for others to delegate to" in warned(text)


def test_a_http2_port_behind_a_http_one():
    text = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 443, name: b, protocol: GRPC}]")
    assert port(text, EIGHTY, ORIGINATE, number=80).upstream.http2
