"""Which way something takes: by its destination, else by the first rule about where it really leads, else as usual."""

from dataclasses import replace

import pytest

from outgate.policy import compile as compilation
from outgate.policy.decide import decide
from outgate.policy.forwarding import handed_on
from outgate.policy.frontends import Setting
from outgate.policy.model import Via
from policy.building import documents, http, tcp, tls

SIDECAR, GATEWAY, ALONE = (Via.GATEWAY,), (Via.PROXY,), ()
POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {name: defaults}
    spec:
      mode: %s
      internal: {hosts: ['*.svc.cluster.local']}
      forwarding:
      - {hosts: ['*.near.example'], via: direct}
      - {addresses: [192.0.2.0/24], via: direct}
      - {hosts: [far.near.example, '*.corp.example'], via: PROXY}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: names}
    spec: {hosts: [api.example, '*.near.example', '*.corp.example'], ports: [{number: 443, protocol: HTTPS}]}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: said}
    spec: {hosts: [said.near.example], via: gateway, ports: [{number: 443, protocol: HTTPS}]}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: network}
    spec: {addresses: [192.0.2.0/25, 203.0.113.0/24], ports: [{number: 5432, protocol: TCP}]}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: tunnel}
    spec: {hosts: [tunnel.example], ports: [{number: 443, protocol: TLS}]}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: database}
    spec: {hosts: [db.near.example], ports: [{number: 6543, protocol: TCP}]}
    """


def made(text: str = POLICY % "REGISTRY_ONLY", ways=SIDECAR, *, is_gateway: bool = False):
    return compilation.compile(documents(text), Setting(ways=ways, is_gateway=is_gateway))


def via(attempt, mode: str = "REGISTRY_ONLY", ways=SIDECAR, *, is_gateway: bool = False) -> Via:
    decision = decide(made(POLICY % mode, ways, is_gateway=is_gateway), attempt)
    assert decision.allowed, decision
    return decision.via


@pytest.mark.parametrize(
    ("attempt", "way"),
    [
        (http("api.example"), Via.GATEWAY),
        (tls("tunnel.example"), Via.GATEWAY),
        (http("a.near.example"), Via.DIRECT),
        (http("far.near.example"), Via.DIRECT),
        (http("said.near.example"), Via.GATEWAY),
        (http("a.svc.cluster.local", 80), Via.DIRECT),
        (tcp("192.0.2.1", 5432), Via.DIRECT),
        (tcp("203.0.113.1", 5432), Via.GATEWAY),
        (tcp("203.0.113.1", 6543), Via.DIRECT),
    ],
    ids=lambda value: value.kind if not isinstance(value, Via) else value.lower(),
)
def test_a_destination_says_it_else_the_first_rule_else_it_is_the_usual_way(attempt, way):
    assert via(attempt) is way


@pytest.mark.parametrize(
    ("attempt", "mode"),
    [
        (http("api.example", address="192.0.2.1"), "REGISTRY_ONLY"),
        (http("a.near.example", address="203.0.113.9"), "ALLOW_ANY"),
        (tls("unknown.near.example", 8443, address="203.0.113.9"), "ALLOW_ANY"),
    ],
    ids=["address of a name", "another network", "name of an address"],
)
def test_what_a_workload_merely_says_chooses_no_way(attempt, mode):
    """A name leads where the gate resolves it, and what is not registered leads to the address that was dialled."""
    expected = Via.DIRECT if attempt.host == "a.near.example" else Via.GATEWAY
    assert via(attempt, mode) is expected


def test_an_address_that_is_gone_to_chooses_the_way_of_what_is_not_registered():
    assert via(tls("x.example", address="192.0.2.9"), "ALLOW_ANY") is Via.DIRECT
    assert via(tls("x.example", address="::ffff:192.0.2.9"), "ALLOW_ANY") is Via.DIRECT
    assert via(http("x.near.example"), "ALLOW_ANY") is Via.DIRECT  # of a proxy's client, resolved by the gate


def test_without_other_ways_everything_goes_straight_but_what_documents_send_elsewhere():
    assert via(http("api.example"), ways=ALONE) is Via.DIRECT
    assert via(http("said.near.example"), ways=ALONE) is Via.GATEWAY  # which it does not have: it is refused
    assert via(http("a.corp.example"), ways=ALONE) is Via.PROXY


def test_a_gateway_sends_on_what_was_sent_to_it_and_has_the_proxy_that_sidecars_have_not():
    assert via(http("a.corp.example")) is Via.GATEWAY
    for host in ("a.corp.example", "said.near.example", "api.example"):
        assert via(http(host), ways=GATEWAY, is_gateway=True) is Via.PROXY
    assert via(http("said.near.example"), ways=ALONE, is_gateway=True) is Via.DIRECT


def test_a_rule_without_hosts_and_addresses_is_about_everything():
    text = (POLICY % "REGISTRY_ONLY").replace("{hosts: ['*.near.example'], via: direct}", "{via: direct}")
    assert decide(made(text), http("api.example")).via is Via.DIRECT


def test_a_way_that_the_gate_does_not_have_is_warned_of():
    warned = [str(problem) for problem in made(ways=ALONE).problems if "leaves through" in str(problem)]
    assert [problem.partition("leaves ")[2] for problem in warned] == [
        "through the proxy, and this gate knows none: it is refused; give --upstream-proxy",
        "through the gateway, and this gate knows none: it is refused; give --gateway",
    ]
    assert not [problem for problem in made().problems if "leaves through" in str(problem)]


TRAFFIC = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: api}
    spec:
      hosts: [api.example]
      ports:
      - number: 80
        protocol: HTTP
        upstream: {port: 443, tls: {mode: MUTUAL, clientCertificate: missing.crt, privateKey: missing.key}}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressTraffic
    metadata: {name: api}
    spec:
      destination: api
      timeout: 7s
      retries: {attempts: 3, on: [5xx]}
      rateLimits: [{name: few, tokens: 1, interval: 1s}]
      faults: [{abort: {status: 418}}]
      requestHeaders: {set: {x-a: b}}
    """


def test_what_is_handed_on_keeps_its_limits_of_time_and_leaves_everything_else_to_the_gateway():
    policy = made(POLICY % "REGISTRY_ONLY" + "---" + TRAFFIC)
    attempt = http("api.example", 80)
    decision = decide(policy, attempt)
    assert decision.via is Via.GATEWAY
    route = policy.route(decision.port, attempt, decision.destination).route
    assert route.timeout == 7
    assert (route.retry, route.limits, route.faults, route.request_headers.set) == (None, (), (), ())
    assert (decision.port.upstream.tls, decision.port.upstream.resilience.as_client) == (None, True)


def test_files_are_needed_only_where_they_are_used():
    """Client keys are mounted at the gateway alone."""
    text = POLICY % "REGISTRY_ONLY" + "---" + TRAFFIC
    assert "api.example" in {host for one in made(text).destinations for host in one.hosts}
    with pytest.raises(compilation.PolicyError, match=r"missing\.crt"):
        made(text, ALONE)
    direct = text.replace("spec:\n      hosts: [api.example]", "spec:\n      via: DIRECT\n      hosts: [api.example]")
    with pytest.raises(compilation.PolicyError, match=r"missing\.crt"):
        made(direct)


def test_a_destination_that_is_handed_on_in_part_is_not_handed_on():
    policy = made()
    wide = next(one for one in policy.destinations if "api.example" in one.hosts)
    assert not handed_on(policy.defaults, wide)
    assert handed_on(policy.defaults, replace(wide, hosts=("api.example",)))
    network = next(one for one in policy.destinations if one.networks)
    assert not handed_on(policy.defaults, network)
