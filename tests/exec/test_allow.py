"""What `--allow` says, and the policy that it becomes."""

import pytest

from outgate.exec import allow
from outgate.policy.compile import compile as compile_policy
from outgate.policy.decide import decide
from outgate.policy.frontends import Setting
from outgate.policy.model import Attempt, AttemptKind, Code, Identity, Mode
from outgate.upstream.target import target_of

NAMES = {"ssh.test": ("198.18.1.0", "2001:2::1:0"), "db.test": ("198.18.1.1", "2001:2::1:1")}


def policy(*words, mode=Mode.REGISTRY_ONLY):
    return compile_policy(allow.written(allow.parse(words), mode, NAMES), Setting())


def http(host, port, encrypted=False):
    return Attempt(AttemptKind.HTTP, Identity(), port, host, "198.18.1.9", encrypted=encrypted, method="GET", path="/")


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("api.test", {"api.test": (80, 443)}),
        ("API.Test.:8080", {"api.test": (8080,)}),
        ("*.api.test", {"*.api.test": (80, 443)}),
        ("*.api.test:22", {"*.api.test": (22,)}),
        ("10.0.0.5", {"10.0.0.5": (80, 443)}),
        ("[FD00::1]:99", {"fd00::1": (99,)}),
    ],
)
def test_a_host_is_canonical_and_has_the_webs_ports_unless_one_is_named(word, read):
    assert allow.parse([word]) == read


def test_ports_of_one_host_are_gathered():
    assert allow.parse(["a.test:22", "a.test", "a.test:22"]) == {"a.test": (22, 80, 443)}


@pytest.mark.parametrize(
    "word", ["", "a_b", "https://a.test", "a.test:0", "a.test:x", "a*.test", "*.a.test:99999", "::1"]
)
def test_what_is_no_host_is_refused_with_an_example(word):
    with pytest.raises(allow.AllowError, match=r"write HOST or HOST:PORT, such as api\.example\.com"):
        allow.parse([word])


def test_what_is_named_is_allowed_on_its_ports_and_nothing_else():
    made = policy("api.test", "*.wild.test:8443", "10.0.0.5")
    assert decide(made, http("api.test", 80)).allowed
    assert decide(made, http("api.test", 443, encrypted=True)).allowed
    assert decide(made, http("a.wild.test", 8443, encrypted=True)).allowed
    assert decide(made, http("api.test", 8080)).code is Code.PORT_UNREGISTERED
    assert decide(made, http("evil.test", 443, encrypted=True)).code is Code.UNREGISTERED
    literal = Attempt(AttemptKind.HTTP, Identity(), 80, "10.0.0.5", "10.0.0.5", method="GET", path="/")
    assert decide(made, literal).allowed


@pytest.mark.parametrize("host", NAMES)
def test_bytes_are_told_by_the_address_that_the_resolver_gave(host):
    made = policy("ssh.test:22", "db.test:22")
    for address in NAMES[host]:
        attempt = Attempt(AttemptKind.TCP, Identity(), 22, None, address)
        decision = decide(made, attempt)
        assert decision.allowed
        target = target_of(decision, attempt, made.generation, ())
        assert [endpoint.address for endpoint in target.endpoints] == [host]
    stranger = Attempt(AttemptKind.TCP, Identity(), 22, None, "203.0.113.9")
    assert decide(made, stranger).code is Code.UNREGISTERED


def test_no_document_of_a_policy_is_replaced_and_no_two_hosts_have_one_name():
    made = policy("a-b.c", "a.b-c", "*.b-c", "any.b-c")
    assert len({destination.key for destination in made.destinations}) == 4
    assert all(destination.name.startswith("exec-allow-") for destination in made.destinations)


def test_allow_any_is_a_mode_and_none_leaves_a_policys_own():
    assert policy(mode=Mode.ALLOW_ANY).defaults.mode is Mode.ALLOW_ANY
    assert allow.written({}, None, {}) == []


def test_names_that_have_an_address_of_their_own_are_neither_patterns_nor_addresses():
    assert allow.named(["a.test", "*.b.test", "*", "10.0.0.1", "fd00::1"]) == ["a.test"]
