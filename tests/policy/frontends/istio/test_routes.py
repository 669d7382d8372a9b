"""Where the traffic of a registered host ends: routes to another port of it, and the hop through an egress gateway."""

import pytest

from outgate.policy.model import Attempt, Defaults, Identity, Intercept, Port, Protocol, Resolution
from outgate.policy.routing import Router
from policy.building import http
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


NOWHERE = "not found"
DESTINATION = "spec.http[0].route[0].destination.host"


def port_of(*texts: str, number: int = 80, **gate: object) -> Port:
    """A port of the first destination."""
    first, *_ = loaded(*texts, **gate).destinations
    return next(port for port in first.ports if port.number == number)


def lead_of(port: Port, attempt: Attempt) -> str:
    """The port that an attempt is sent to, by the route that it takes."""
    chosen = Router(port, Defaults()).choose(attempt)
    if chosen is None:
        return NOWHERE
    upstream = chosen.route.backends[0].upstream if chosen.route.backends else port.upstream
    return str(upstream.port)


def lead(*texts: str, number: int = 80) -> str:
    attempt = http("api.shop.example", number, encrypted=number == 443)
    return lead_of(port_of(*texts, number=number), attempt)


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
    assert lead(text, EIGHTY) == NOWHERE
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
    assert lead(SHOP, there, first, second) == NOWHERE


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
    assert lead(SHOP, *texts, ORIGINATE) == NOWHERE
    assert "refused on port 80: no route takes it" in warned(SHOP, *texts, ORIGINATE)


def test_a_gateway_that_the_gate_does_not_stand_for_is_somewhere_else():
    texts = (SHOP, gateway(), service(two_hops(), "[mesh, out]"))
    assert refused(*texts, collapses=False) == ["spec.http[0].route[0].destination.host"]


def test_http_that_no_route_takes_is_refused():
    """A host with HTTP routes has those only; Istio answers 404 to the rest."""
    text = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 8080, name: b, protocol: HTTP}, "
                 "{number: 443, name: c, protocol: HTTPS}]")  # fmt: skip
    assert lead(text, EIGHTY, ORIGINATE) == lead(text, EIGHTY, ORIGINATE, number=443) == "443"
    assert lead(text, EIGHTY, ORIGINATE, number=8080) == NOWHERE


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
    ("condition", "here", "there"),
    [
        ("uri: {prefix: /a}", {"path": "/ab"}, {"path": "/b"}),
        ("uri: {prefix: /A}, ignoreUriCase: true", {"path": "/ab"}, {"path": "/b"}),
        ("uri: {regex: '/[ab]'}", {"path": "/a?q"}, {"path": "/ab"}),
        ("method: {exact: GET}", {}, {"method": "PUT"}),
        ("scheme: {exact: http}", {"encrypted": False}, {"encrypted": True}),
        ("authority: {prefix: api}", {}, {"headers": {"host": "b"}}),
        ("headers: {X-A: {exact: b}}", {"headers": {"x-a": "b"}}, {"headers": {"x-a": "c"}}),
        ("headers: {x-a: {}}", {"headers": {"x-a": ""}}, {}),
        ("withoutHeaders: {x-a: {}}", {}, {"headers": {"x-a": ""}}),
        ("withoutHeaders: {x-a: {exact: b}}", {"headers": {"x-a": "c"}}, {"headers": {"x-a": "b"}}),
        ("withoutHeaders: {x-a: {regex: '*'}}", {}, {"headers": {"x-a": "b"}}),
        ("queryParams: {Q: {exact: '1'}}", {"path": "/?Q=1"}, {"path": "/?q=1"}),
        ("sourceNamespace: prod", {}, {"caller": Identity(namespace="dev")}),
        ("sourceLabels: {app: web}", {"caller": Identity(labels=(("app", "web"),))}, {}),
    ],
)
def test_a_route_is_taken_on_its_conditions(condition, here, there):
    made = port(SHOP, service(f"http: [{{match: [{{{condition}}}], route: {to(443)}}}]"), ORIGINATE, number=80)
    chosen = [lead_of(made, http("api.shop.example", 80, **{"encrypted": False} | given)) for given in (here, there)]
    assert chosen == ["443", NOWHERE]


def test_what_takes_everything_and_what_is_behind_it():
    routes = service(
        f"http: [{{match: [{{uri: {{prefix: /a}}}}], route: {to(443)}}}, {{route: {to(80)}}}, {{redirect: {{uri: /}}}}]"
    )
    made = port(SHOP, routes, ORIGINATE, number=80)
    assert [lead_of(made, http("api.shop.example", 80, path=path)) for path in ("/a", "/b")] == ["443", "80"]
    assert [each.key for route in made.routes for each in route.backends] == ["istio/prod/shop"] * 2


def test_a_route_may_lead_to_another_registered_host():
    other = entry("ports: [{number: 9443, name: tls, protocol: HTTPS}]", hosts="[www.shop.example]", name="www")
    routes = service(f"http: [{{route: {to(9443, 'www.shop.example')}}}]")
    (backend,) = port_of(SHOP, routes, other).routes[0].backends
    assert (backend.key, backend.host, backend.upstream.port) == ("istio/prod/www", "www.shop.example", 9443)


def test_the_only_port_of_another_host_need_not_be_named():
    other = entry("ports: [{number: 9443, name: tls, protocol: HTTPS}]", hosts="[www.shop.example]", name="www")
    routes = service("http: [{route: [{destination: {host: www.shop.example}}]}]")
    assert port_of(SHOP, routes, other).routes[0].backends[0].upstream.port == 9443


def test_traffic_is_shared_by_weight():
    shares = f"[{to(443)[1:-2]}, weight: 1}}, {to(80)[1:-2]}, weight: 3}}]"
    backends = port(SHOP, service(f"http: [{{route: {shares}}}]"), ORIGINATE, number=80).routes[0].backends
    assert [(each.upstream.port, each.weight) for each in backends] == [(443, 1), (80, 3)]


@pytest.mark.parametrize(
    ("routes", "field", "why"),
    [
        (f"http: [{{route: {to(443, 'www.shop.example')}}}]", DESTINATION, "registered by no"),
        (f"http: [{{route: {to(443, 'pay')}}}]", DESTINATION, "registered by no"),
        (f"http: [{{route: {to(443)}, mirror: {{host: pay}}}}]", "spec.http[0].mirror.host", "registered by no"),
        ("http: [{route: [{destination: {host: api.shop.example, subset: a}}]}]",
         "spec.http[0].route[0].destination.subset", 'has the subset "a"'),
        (f"tcp: [{{route: {to(443, 'www.shop.example')}}}]", "spec.tcp[0].route[0].destination.host",
         "registered by no"),
        ("http: [{delegate: {name: nobody}}]", "spec.http[0].delegate.name", "is no VirtualService without hosts"),
    ],
)  # fmt: skip
def test_a_route_to_what_is_not_there_is_refused_when_strict_and_not_found_else(routes, field, why):
    assert refused(SHOP, service(routes), ORIGINATE) == [field]
    assert why in warned(SHOP, service(routes), strict=False)


def test_what_leads_to_nothing_is_not_found_when_loading_is_lenient():
    made = port(SHOP, service(f"http: [{{route: {to(443, 'pay')}}}]"), number=80, strict=False)
    assert lead_of(made, http("api.shop.example", 80)) == NOWHERE


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


def test_a_part_of_a_registered_wildcard_may_have_routes_of_its_own():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example']")
    wild, part = loaded(text, service(f"http: [{{match: [{{port: 80}}], route: {to(443)}}}]"), ORIGINATE).destinations
    assert (wild.hosts, part.hosts) == (("*.shop.example",), ("api.shop.example",))
    assert [each.upstream.port for each in (wild.ports[0], part.ports[0])] == [80, 443]


def test_wildcards_are_routed_as_wildcards():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example']")
    star = "'*.shop.example'"
    routes = service(f"http: [{{match: [{{port: 80}}], route: {to(443, star)}}}]", hosts=f"[{star}]")
    assert port(text, routes, number=80).upstream.port == 443


def test_a_wildcard_may_be_sent_to_one_host():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example', www.shop.example]")
    routes = service(
        f"tls: [{{match: [{{sniHosts: ['*.shop.example']}}], route: {to(443, 'www.shop.example')}}}]",
        hosts="['*.shop.example']",
    )
    (wild, _) = loaded(text, routes).destinations
    (backend,) = wild.ports[1].routes[0].backends
    assert (backend.host, backend.key) == ("www.shop.example", "istio/prod/shop/www.shop.example")
    assert backend.key in [destination.key for destination in loaded(text, routes).destinations]


def test_no_host_can_be_sent_to_a_wildcard():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example', api.other.example]")
    star = "'*.shop.example'"
    routes = service(f"http: [{{route: {to(443, star)}}}]", hosts="[api.other.example]")
    assert refused(text, routes) == ["spec.http[0].route[0].destination.host"]


def test_names_that_only_some_of_a_wildcard_have_are_a_condition():
    text = entry(f"{PORTS}\nresolution: NONE", hosts="['*.shop.example']")
    routes = service(
        f"""tls: [{{match: [{{sniHosts: [a.shop.example]}}], route: {to(80, "'*.shop.example'")}}}]""",
        hosts="['*.shop.example']",
    )
    made = port(text, routes)
    chosen = [lead_of(made, http(f"{name}.shop.example", sni=f"{name}.shop.example")) for name in "ab"]
    assert chosen == ["80", "443"]


def test_routes_for_what_is_not_registered_are_said():
    assert "no registered traffic of api.shop.example" in warned(EIGHTY)


def test_routes_of_requests_for_a_port_that_shows_none_are_said():
    assert "no registered traffic of api.shop.example takes these routes" in warned(entry(), EIGHTY)


def test_routes_without_hosts_are_for_others_to_delegate_to():
    text = document("VirtualService", f"{{http: [{{route: {to(443)}}}]}}")
    assert "nothing that is used delegates to it" in warned(text)


def test_a_http2_port_behind_a_http_one():
    text = entry("ports: [{number: 80, name: a, protocol: HTTP}, {number: 443, name: b, protocol: GRPC}]")
    assert port(text, EIGHTY, ORIGINATE, number=80).upstream.http2
