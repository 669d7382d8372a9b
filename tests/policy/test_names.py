"""All the names that a workload gives must be one, and none is guessed."""

import pytest

from outgate.policy.model import Code
from outgate.policy.names import Agreed, Claims, Refusal, agree


def claims(port=443, **said):
    return Claims(port=port, default_port=443 if port == 443 else 80, **said)


@pytest.mark.parametrize(
    "said",
    [
        {"sni": "good.example"},
        {"sni": "GOOD.example.", "authorities": ("good.example:443",)},
        {"sni": "good.example", "authorities": ("Good.Example",), "absolute": "good.example:443"},
        {"connect": "good.example:443", "sni": "good.example", "authorities": ("good.example",)},
        {"authorities": ("good.example.",)},
    ],
)
def test_spellings_of_one_name_agree(said):
    named = "good.example" if "authorities" in said else ""
    assert agree(claims(**said)) == Agreed("good.example", 443, named)


@pytest.mark.parametrize(
    "said",
    [
        {"sni": "good.example", "authorities": ("evil.example",)},
        {"authorities": ("good.example",), "absolute": "evil.example"},
        {"connect": "good.example:443", "sni": "evil.example"},
        {"sni": "good.example", "authorities": ("good.example:8443",)},
        {"authorities": ("good.example:80",)},
        {"absolute": "good.example:8443"},
        {"sni": "192.0.2.1", "authorities": ("good.example",)},
    ],
)
def test_names_and_ports_that_differ_are_refused(said):
    refused = agree(claims(**said))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.NAMES_DISAGREE


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"authorities": ("good.example", "good.example")}, Code.REQUEST_MALFORMED),
        ({"authorities": ("good.example", "evil.example")}, Code.REQUEST_MALFORMED),
        ({"authorities": ("user@good.example",)}, Code.NAME_MALFORMED),
        ({"authorities": ("good.example\0.evil",)}, Code.NAME_MALFORMED),
        ({"authorities": ("",)}, Code.NAME_MALFORMED),
        ({"sni": "good.example:443"}, Code.NAME_MALFORMED),
        ({"sni": "good.example", "absolute": "[good.example]"}, Code.NAME_MALFORMED),
        ({"connect": "good.example:0"}, Code.NAME_MALFORMED),
        ({}, Code.NAME_MISSING),
    ],
)
def test_what_is_malformed_or_missing_is_refused_by_code(said, code):
    refused = agree(claims(**said))
    assert isinstance(refused, Refusal)
    assert refused.code is code
    assert refused.reason


def test_no_name_is_enough_where_the_caller_says_so():
    assert agree(claims(), nameless=True) == Agreed(None, 443)
    assert agree(claims(sni="good.example"), nameless=True) == Agreed("good.example", 443)


def test_a_host_without_a_port_means_the_port_of_the_connection():
    for sent in ("good.example", "good.example:8080", "[fd00::1]", "[fd00::1]:8080"):
        host = "good.example" if sent.startswith("g") else "fd00::1"
        assert agree(claims(8080, authorities=(sent,))) == Agreed(host, 8080, sent)


def test_the_authority_is_that_of_the_request_itself_and_canonical():
    assert agree(claims(80, authorities=("Good.example.:80",))).authority == "good.example"
    assert agree(claims(8080, absolute="good.example:8080", authorities=("good.example",))).authority[-5:] == ":8080"
    assert agree(claims(8080, connect="good.example:8080")).authority == ""


def test_towards_a_named_proxy_the_target_gives_the_port():
    assert agree(claims(0, absolute="good.example")) == Agreed("good.example", 80, "good.example")
    assert agree(claims(0, absolute="good.example:8080", authorities=("good.example:8080",))).port == 8080
    assert agree(claims(0, absolute="good.example:8080", authorities=("good.example",))).code is Code.NAMES_DISAGREE
    assert agree(claims(0, sni="good.example")) == Agreed("good.example", 80)


def test_the_reason_names_both_sides():
    reason = agree(claims(sni="good.example", authorities=("evil.example",))).reason
    assert reason == "SNI says good.example, Host says evil.example"
