"""A TLS ClientHello is decrypted or tunnelled as its port says, and what will be denied is decrypted to say why."""

from ipaddress import ip_network

import pytest

from outgate.policy.decide import Treatment, opaque, treat
from outgate.policy.model import Code, Defaults, Intercept, Mode, Protocol
from outgate.policy.snapshot import Policy
from policy.building import destination, tls


def over(*destinations, **defaults):
    return Policy("test", Defaults(**defaults), destinations)


@pytest.mark.parametrize(
    ("known", "treatment"),
    [
        (destination("a.example"), Treatment.DECRYPT),
        (destination("a.example", intercept=Intercept.TUNNEL), Treatment.TUNNEL),
        (destination("a.example", protocol=Protocol.TLS, intercept=Intercept.TUNNEL), Treatment.TUNNEL),
        (destination("a.example", protocol=Protocol.TLS), Treatment.DECRYPT),
        (destination("a.example", protocol=Protocol.TCP), Treatment.TUNNEL),
        (destination("a.example", internal=True), Treatment.TUNNEL),
        (destination("b.example"), Treatment.DECRYPT),
        (destination("a.example", port=8443, intercept=Intercept.TUNNEL), Treatment.DECRYPT),
    ],
)
def test_tls_is_treated_as_its_port_says_and_what_will_be_denied_is_decrypted(known, treatment):
    assert treat(over(known), tls("a.example")) is treatment


def test_tls_towards_a_plain_port_is_unregistered_tls():
    plain = destination("a.example", port=80, protocol=Protocol.HTTP)
    assert treat(over(plain), tls("a.example", 80)) is Treatment.DECRYPT
    assert treat(over(plain, mode=Mode.ALLOW_ANY), tls("a.example", 80)) is Treatment.TUNNEL


@pytest.mark.parametrize("mode", [Mode.ALLOW_ANY, Mode.OBSERVE])
@pytest.mark.parametrize("how", Intercept)
def test_unregistered_tls_that_passes_is_treated_as_the_defaults_say(mode, how):
    policy = over(mode=mode, unregistered_tls=how)
    assert treat(policy, tls("b.example", address="203.0.113.9")).value == how.value
    assert treat(policy, tls("b.example", address="169.254.169.254")) is Treatment.DECRYPT


def test_without_a_name_only_addresses_are_looked_at():
    net = destination(networks=(ip_network("10.0.0.0/8"),), intercept=Intercept.TUNNEL)
    assert treat(over(net), tls(None, address="10.0.0.1")) is Treatment.TUNNEL
    assert treat(over(net), tls(None, address="203.0.113.9")) is Treatment.DECRYPT
    assert treat(over(net), tls(None)) is Treatment.CLOSE


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (over(), Code.UNREGISTERED),
        (over(destination("a.example")), Code.PROTOCOL_MISMATCH),
        (over(destination("a.example"), mode=Mode.OBSERVE), Code.PROTOCOL_MISMATCH),
        (over(mode=Mode.OBSERVE, unregistered_tls=Intercept.DECRYPT), Code.UNREGISTERED),
        (over(mode=Mode.ALLOW_ANY, unregistered_tls=Intercept.DECRYPT), Code.PROTOCOL_UNKNOWN),
    ],
)
def test_what_was_decrypted_and_is_no_http_is_denied_in_every_mode(policy, code):
    assert treat(policy, tls("a.example")) is Treatment.DECRYPT
    decision = opaque(policy, tls("a.example"))
    assert (decision.allowed, decision.code, decision.status) == (False, code, 502)
