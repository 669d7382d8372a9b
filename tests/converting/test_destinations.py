"""Destinations and their ports are written as they were said, and ports that are treated alike in one document."""

import pytest
import yaml

from converting.rewritten import HEAD, HOME, made, native, spec, specs
from outgate.converting.destinations import effective, reached
from outgate.policy.model import Intercept, Port, Protocol, Upstream, UpstreamTLS
from outgate.policy.route_model import Rewrite, Route, RouteMatch

SPECS = (
    "{hosts: [a.example, '*.b.example'], ports: [{number: 443, protocol: HTTPS, upstream: {resolution: DYNAMIC_DNS}}]}",
    "{addresses: [192.0.2.0/24], ports: [{number: '*', upstream: {resolution: NONE}}]}",
    "{hosts: [a.example], ports: [{number: 443, protocol: TLS, intercept: DECRYPT, upstream: {resolution: DNS}}]}",
    "{hosts: [a.b], ports: [{number: 1, protocol: HTTPS, tls: {sni: b, mode: SIMPLE}, upstream: {resolution: DNS}}]}",
    """
    hosts: [a.example]
    ports: [{number: 80, protocol: HTTP, upstream: {resolution: DNS}}]
    exportTo: [.]
    internal: true
    headers: {set: [{name: x-a, value: b}]}
    allowAddresses: [10.0.0.0/8]
    region: eu
    propagation: none
    expires: '2030-01-01T00:00:00+00:00'""",
)


@pytest.mark.parametrize("said", SPECS)
def test_a_destination_is_written_as_it_was_said(said):
    assert spec(HEAD + native("EgressDestination", said), "EgressDestination") == yaml.safe_load(said)


def test_who_owns_it_and_why_is_kept():
    text = HEAD + HOME.replace("namespace: default}", "namespace: default, annotations: {outgate.dev/owner: us}}")
    metadata = [each["metadata"] for each in yaml.safe_load_all(made(text).text)]
    assert metadata[1]["annotations"] == {"outgate.dev/owner": "us"}


def test_ports_that_are_treated_alike_share_a_document():
    ports = ", ".join(f"{{number: {number}, protocol: HTTP}}" for number in (80, 81, 82, 83))
    text = HEAD + native("EgressDestination", f"{{hosts: [a.example], ports: [{ports}]}}")
    text += native("EgressTraffic", "{destination: one, ports: [80, 81], proxyProtocol: 1}", "a")
    text += native("EgressTraffic", "{destination: one, ports: [82], proxyProtocol: 2}", "b")
    found = specs(text, "EgressTraffic")
    assert [each["ports"] for each in found] == [[80, 81], [82]]
    assert [each["proxyProtocol"] for each in found] == [1, 2]


def test_a_route_leads_to_a_port_by_its_number_where_there_are_several():
    ports = "[{number: 80, protocol: HTTP}, {number: 81, protocol: HTTP}]"
    text = HEAD + native("EgressDestination", f"{{hosts: [a.example], ports: {ports}}}")
    text += native("EgressTraffic", "{destination: one, ports: [80], routes: [{to: [{destination: one, port: 81}]}]}")
    assert spec(text, "EgressTraffic")["routes"] == [{"to": [{"destination": "default/one", "port": 81}]}]


def test_what_has_no_effect_on_a_port_is_not_compared():
    tls, upstream = UpstreamTLS(sni="a.example"), Upstream(80, http2=True)
    plain = Port(80, Protocol.HTTP, upstream, Intercept.TUNNEL, tls=tls)
    assert effective(plain) == Port(80, Protocol.HTTP, upstream, Intercept.DECRYPT)
    tunnelled = Port(443, Protocol.TLS, upstream, Intercept.TUNNEL, tls=tls)
    assert effective(tunnelled) == Port(443, Protocol.TLS, Upstream(80), Intercept.TUNNEL)
    decrypted = Port(443, Protocol.HTTPS, upstream, Intercept.DECRYPT, tls=tls)
    assert effective(decrypted) is decrypted


def test_routes_end_with_the_first_that_takes_everything():
    routes = (Route("a", (RouteMatch(hosts=("a.example",)),)), Route("b"), Route("c"))
    assert [route.name for route in reached(routes)] == ["a", "b"]
    assert [route.name for route in reached((Route("a", (RouteMatch(),)), Route("b")))] == ["a"]


def test_a_route_that_is_not_found_has_no_other_effect():
    (route,) = reached((Route("a", missing=True, timeout=3.0, rewrite=Rewrite(path="/")),))
    assert route == Route("a", missing=True)
