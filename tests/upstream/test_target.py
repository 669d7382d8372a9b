"""What is dialled, and whose certificate is expected, follows from the decision alone."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Code,
    Decision,
    Destination,
    Endpoint,
    Identity,
    NameKind,
    Port,
    Protocol,
    Resolution,
    Source,
    SubjectName,
    Traffic,
    Upstream,
    UpstreamTLS,
    Verdict,
)
from outgate.policy.route_model import Backend
from outgate.problems import Where
from outgate.upstream.errors import Failure, UpstreamError
from outgate.upstream.target import Target, narrowed, speaks_http2, target_of

SOURCE = Source(Where("policy.yaml", 1, 1), "ServiceEntry", "partner")
ALPN = ("http/1.1",)


def destination(hosts=("api.example",), networks=(), allow=()) -> Destination:
    ranges, allowed = tuple(map(ip_network, networks)), tuple(map(ip_network, allow))
    return Destination("prod/partner", "partner", "prod", tuple(hosts), ranges, (), SOURCE, allow_networks=allowed)


def port(number=443, protocol=Protocol.HTTPS, tls=None, **upstream) -> Port:
    return Port(number, protocol, Upstream(**{"port": number, **upstream}), tls=tls or UpstreamTLS())


def attempt(host="api.example", address="203.0.113.9", number=443, encrypted=True, kind=AttemptKind.HTTP) -> Attempt:
    return Attempt(kind, Identity(), number, host, address, encrypted=encrypted)


def going(where: Destination, through: Port, what: Attempt) -> Target:
    decision = Decision(Verdict.ALLOW, Code.REGISTERED, "", Traffic.REGISTERED, SOURCE, where, through)
    return target_of(decision, what, "g1", ALPN)


def passing(what: Attempt) -> Target:
    return target_of(Decision(Verdict.ALLOW, Code.ALLOW_ANY, "", Traffic.PASSTHROUGH), what, "g1", ALPN)


def test_a_registered_name_is_resolved_whatever_address_was_dialled():
    made = going(destination(), port(), attempt(address="198.51.100.66"))
    assert (made.key, made.host, made.port, made.address) == ("prod/partner", "api.example", 443, None)
    assert (made.generation, made.alpn) == ("g1", ALPN)
    assert not made.permit.allows("10.0.0.1")
    assert made.permit.allows("8.8.8.8")


def test_a_wildcard_is_the_concrete_name_that_was_verified():
    made = going(destination(["*.example"]), port(), attempt("a.b.example"))
    assert (made.host, made.sni) == ("a.b.example", "a.b.example")
    assert made.names == (SubjectName(NameKind.DNS, "a.b.example"),)


def test_resolution_none_with_a_name_alone_resolves_the_name():
    made = going(destination(), port(resolution=Resolution.NONE), attempt())
    assert (made.host, made.address) == ("api.example", None)


def test_resolution_none_with_networks_keeps_the_address_that_was_dialled():
    made = going(destination(networks=["10.1.0.0/16"]), port(resolution=Resolution.NONE), attempt(address="10.1.2.3"))
    assert (made.host, made.address, made.sni) == ("api.example", "10.1.2.3", "api.example")
    assert made.permit.allows("10.1.2.3")
    assert not made.permit.allows("8.8.8.8")


def test_resolution_none_refuses_an_address_outside_the_networks():
    where, through = destination(networks=["10.1.0.0/16"]), port(resolution=Resolution.NONE)
    with pytest.raises(UpstreamError, match=r"10\.2\.0\.1 is not an address of partner") as refused:
        going(where, through, attempt(address="10.2.0.1"))
    assert refused.value.code is Failure.ADDRESS_REFUSED


def test_resolution_none_without_an_address_resolves_into_the_networks_only():
    where, through = destination(networks=["10.1.0.0/16"], allow=["10.9.0.0/16"]), port(resolution=Resolution.NONE)
    made = going(where, through, attempt(address=None))
    assert (made.host, made.address) == ("api.example", None)
    assert made.permit.allows("10.1.2.3")
    assert made.permit.allows("10.9.2.3")
    assert not made.permit.allows("8.8.8.8")


def test_an_address_in_a_network_is_its_own_name():
    made = going(destination([], ["203.0.113.0/24"]), port(), attempt("203.0.113.9"))
    assert (made.host, made.address, made.sni) == ("203.0.113.9", "203.0.113.9", None)
    assert made.names == (SubjectName(NameKind.EXACT, "203.0.113.9"),)


def test_a_mapped_address_is_dialled_as_ipv4():
    made = going(destination([], ["203.0.113.0/24"]), port(), attempt(None, "::ffff:203.0.113.9"))
    assert made.address == "203.0.113.9"


def test_an_address_that_stands_for_a_name_is_not_dialled():
    """A virtual address of an entry that is resolved by DNS."""
    where, through = destination(networks=["240.0.0.1/32"]), port(3306, Protocol.TCP)
    made = going(where, through, attempt(None, "240.0.0.1", 3306, encrypted=False, kind=AttemptKind.TCP))
    assert (made.host, made.address, made.tls) == ("api.example", None, None)


def test_a_tcp_entry_known_by_name_dials_its_own_host():
    through = port(5432, Protocol.TCP)
    made = going(destination(["db.example"]), through, attempt(None, "198.51.100.1", 5432, encrypted=False))
    assert (made.host, made.port, made.address) == ("db.example", 5432, None)


def test_a_host_that_spells_an_address_is_permitted_by_that():
    made = going(destination(["10.0.0.7"]), port(), attempt("10.0.0.7", None))
    assert made.host == made.address == "10.0.0.7"
    assert made.permit.allows("10.0.0.7")
    assert not made.permit.allows("10.0.0.8")


def test_fixed_endpoints_are_permitted_and_no_address_is_kept():
    endpoints = (Endpoint("10.0.0.7", 8443), Endpoint("backend.example", 9443))
    made = going(destination(), port(resolution=Resolution.STATIC, endpoints=endpoints), attempt(address="10.0.0.9"))
    assert (made.endpoints, made.address, made.host) == (endpoints, None, "api.example")
    assert made.permit.allows("10.0.0.7")
    assert not made.permit.allows("10.0.0.9")


def test_endpoints_of_a_network_alone_are_named_by_the_first():
    endpoints = (Endpoint("10.0.0.7", 8443),)
    made = going(destination([], ["203.0.113.0/24"]), port(endpoints=endpoints), attempt(None))
    assert made.host == "10.0.0.7"


def test_a_target_port_and_a_timeout_are_the_upstreams():
    made = going(destination(), port(80, Protocol.HTTP, port=443, connect_timeout=2.5), attempt(number=80))
    assert (made.port, made.connect_timeout) == (443, 2.5)


def test_allowed_networks_are_permitted_to_a_name():
    made = going(destination(allow=["10.0.0.0/8"]), port(), attempt())
    assert made.permit.allows("10.0.0.1")
    assert not made.permit.allows("169.254.169.254")


def test_permits_of_two_destinations_are_never_mixed():
    shared = port(443)
    one, other = destination(allow=["10.0.0.0/8"]), destination()
    assert going(one, shared, attempt()).permit.allows("10.0.0.1")
    assert not going(other, shared, attempt()).permit.allows("10.0.0.1")
    assert going(one, shared, attempt()).permit.allows("10.0.0.1")


ORIGINATED = UpstreamTLS(client_certificate="client.pem", private_key="client.key", sni="sni.example")


def test_tls_that_the_gate_originates_is_the_upstreams():
    through = Port(80, Protocol.HTTP, Upstream(443, tls=ORIGINATED))
    made = going(destination(), through, attempt(number=80, encrypted=False))
    assert made.tls is ORIGINATED
    assert made.sni == "sni.example"
    assert made.names == (SubjectName(NameKind.DNS, "sni.example"),)


def test_decrypted_tls_is_encrypted_again_with_the_ports_settings():
    names = (SubjectName(NameKind.URI, "spiffe://partner"),)
    made = going(destination(), port(tls=UpstreamTLS(ca="ca.pem", names=names)), attempt())
    assert made.tls == UpstreamTLS(ca="ca.pem", names=names)
    assert (made.sni, made.names) == ("api.example", names)


def test_what_was_not_decrypted_is_relayed_as_it_is():
    made = going(destination(), port(443, Protocol.TLS), attempt(kind=AttemptKind.TLS, encrypted=False))
    assert (made.tls, made.sni, made.names, made.alpn) == (None, None, (), ())


def test_passthrough_goes_to_the_address_that_was_dialled():
    made = passing(attempt("other.example", "203.0.113.9", 8443, encrypted=False))
    assert (made.key, made.host, made.address, made.port) == ("passthrough", "other.example", "203.0.113.9", 8443)
    assert made.tls is None
    assert made.permit.allows("10.0.0.1")
    assert not made.permit.allows("169.254.169.254")
    assert not made.permit.allows("127.0.0.1")


def test_decrypted_passthrough_is_verified_for_its_name_under_the_systems_roots():
    made = passing(attempt("other.example"))
    assert (made.tls, made.sni) == (UpstreamTLS(), "other.example")
    assert made.names == (SubjectName(NameKind.DNS, "other.example"),)


def test_passthrough_without_an_address_resolves_the_name():
    made = passing(attempt("other.example", None))
    assert (made.host, made.address) == ("other.example", None)


def inside(where: Destination, what: Attempt, resolution: Resolution) -> Target:
    through = port(8080, Protocol.ANY, resolution=resolution)
    decision = Decision(Verdict.ALLOW, Code.INTERNAL, "", Traffic.INTERNAL, SOURCE, where, through)
    return target_of(decision, what, "g1", ALPN)


def test_an_internal_network_is_dialled_where_the_workload_says_and_nowhere_else():
    made = inside(destination([], ["10.0.0.0/8"]), attempt(None, "10.0.0.1", 8080, False), Resolution.NONE)
    assert made.address == "10.0.0.1"
    assert made.permit.allows("10.0.0.1")
    assert not made.permit.allows("93.184.216.34")
    assert not made.permit.allows("169.254.169.254")


def test_an_internal_name_is_resolved_by_the_gate_whatever_address_was_dialled():
    where = destination(["*.svc.cluster.local"])
    made = inside(where, attempt("db.svc.cluster.local", "93.184.216.34", 8080, False), Resolution.DNS)
    assert (made.host, made.address) == ("db.svc.cluster.local", None)
    assert made.permit.allows("10.0.0.1")
    assert not made.permit.allows("169.254.169.254")


def test_an_internal_destination_keeps_its_key_and_names_its_networks():
    where = destination(["web.prod"], ["127.0.9.0/24"])
    decision = Decision(Verdict.ALLOW, Code.INTERNAL, "", Traffic.INTERNAL, SOURCE, where, port())
    made = target_of(decision, attempt("web.prod", "127.0.9.1", encrypted=False), "g1", ALPN)
    assert made.key == "prod/partner"
    assert made.permit.allows("127.0.9.1")


@pytest.mark.parametrize(
    "decision",
    [
        Decision(Verdict.DENY, Code.UNREGISTERED, "", Traffic.BLACKHOLE),
        Decision(Verdict.DENY, Code.REFUSED_BY_RULE, "", Traffic.REGISTERED, SOURCE, destination(), port()),
        Decision(Verdict.ALLOW, Code.REGISTERED, "", Traffic.REGISTERED),
        Decision(Verdict.ALLOW, Code.REGISTERED, "", Traffic.BLACKHOLE),
        Decision(Verdict.ALLOW, Code.INTERNAL, "", Traffic.INTERNAL),
    ],
)
def test_a_denial_and_a_decision_without_a_destination_lead_nowhere(decision):
    with pytest.raises(UpstreamError) as refused:
        target_of(decision, attempt(), "g1", ALPN)
    assert refused.value.code is Failure.ADDRESS_REFUSED


def test_nothing_named_leads_nowhere():
    with pytest.raises(UpstreamError):
        passing(attempt(None, None))
    with pytest.raises(UpstreamError):
        going(destination(["*.example"], ["10.0.0.0/8"]), port(), attempt(None, None))


@pytest.mark.parametrize(
    ("protocol", "http2", "asked", "spoken"),
    [
        (Protocol.HTTPS, False, False, False),
        (Protocol.HTTPS, False, True, True),
        (Protocol.HTTPS, True, False, True),
        (Protocol.HTTP, False, True, False),
        (Protocol.HTTP2, False, False, True),
        (Protocol.GRPC, False, False, True),
    ],
)
def test_http2_is_spoken_where_the_port_is_for_it_or_the_workload_speaks_it(protocol, http2, asked, spoken):
    assert speaks_http2(Port(443, protocol, Upstream(443, http2=http2)), asked=asked) is spoken


@pytest.mark.parametrize("asked", [True, False])
def test_what_no_port_says_is_as_the_workload_speaks(asked):
    assert speaks_http2(None, asked=asked) is asked


def test_addresses_behind_the_sites_own_nat64_are_judged_by_the_ipv4_inside():
    prefix = (ip_network("2001:4860:64::/96"),)
    for traffic, where in ((Traffic.REGISTERED, destination()), (Traffic.PASSTHROUGH, None)):
        through = port() if where else None
        decision = Decision(Verdict.ALLOW, Code.REGISTERED, "", traffic, SOURCE, where, through)
        known = target_of(decision, attempt(), "g1", ALPN, prefix).permit
        assert not known.allows("2001:4860:64::a9fe:a9fe")
        assert known.allows("2001:4860:64::808:808")
        assert target_of(decision, attempt(), "g1", ALPN).permit.allows("2001:4860:64::a9fe:a9fe")


def routed(backend: Backend, owner: Destination | None = None, what: Attempt | None = None, tls=None) -> Target:
    decision = Decision(Verdict.ALLOW, Code.REGISTERED, "", Traffic.REGISTERED, SOURCE, destination(), port(tls=tls))
    return target_of(decision, what or attempt(), "g1", ALPN, (), backend, owner)


def test_a_subset_is_the_same_host_elsewhere_under_a_key_of_its_own():
    subset = Upstream(8443, Resolution.STATIC, (Endpoint("203.0.113.7", 8443),))
    made = routed(Backend("prod/partner|v2", subset))
    assert (made.key, made.host, made.port, made.sni) == ("prod/partner|v2", "api.example", 8443, "api.example")
    assert made.names == (SubjectName(NameKind.DNS, "api.example"),)
    assert made.endpoints == subset.endpoints


def test_another_host_is_resolved_and_proved_under_its_own_name_and_permit():
    owner = destination(("other.example",), allow=("10.1.0.0/16",))
    made = routed(Backend("prod/other", Upstream(443), host="other.example"), owner)
    assert (made.key, made.host, made.address, made.sni) == ("prod/other", "other.example", None, "other.example")
    assert made.names == (SubjectName(NameKind.DNS, "other.example"),)
    assert (made.permit.allows("10.1.0.1"), made.permit.allows("10.2.0.1")) == (True, False)
    unknown = routed(Backend("elsewhere", Upstream(443), host="third.example"))
    assert (unknown.host, unknown.permit.allows("10.1.0.1")) == ("third.example", False)


def test_what_a_backend_says_of_tls_holds():
    mutual = UpstreamTLS(client_certificate="c", private_key="k")
    plain = attempt(encrypted=False, number=80)
    made = routed(Backend("k", Upstream(443, tls=mutual), host="other.example"), what=plain)
    assert (made.tls, made.sni) == (mutual, "other.example")
    assert routed(Backend("k", Upstream(80), host="other.example"), what=plain).tls is None


def test_one_of_its_places_is_the_same_target():
    """Who is expected there stays who it was."""
    listed = (Endpoint("203.0.113.7", 8443), Endpoint("203.0.113.8", 8443))
    whole = going(destination(), port(endpoints=listed), attempt())
    one = narrowed(whole, listed[1])
    assert one == replace(whole, endpoints=(listed[1],))
    assert narrowed(whole, listed[1]) is one
    by_address = replace(whole, address="203.0.113.9", endpoints=())
    assert narrowed(by_address, listed[0]) == replace(whole, endpoints=(listed[0],))
