"""A proxy's target is refused at once where nothing said later could make it allowed, and only there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.decide import decide
from outgate.policy.model import Attempt, AttemptKind, Code
from outgate.policy.names import Refusal
from outgate.policy.targets import hopeless, told
from policy.building import DEFAULTS, WEB, policy
from policy.strategies import attempts, policies

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: open}
    spec:
      hosts: [open.example]
      ports: [{number: 443, protocol: HTTPS}]
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressAccess
    metadata: {name: nobody}
    spec: {action: DENY, rules: [{}]}
"""


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("Open.Example.:8443", "open.example", 8443),
        ("open.example", "open.example", 443),
        ("[2001:DB8::1]:22", "2001:db8::1", 22),
        ("192.0.2.1:80", "192.0.2.1", 80),
    ],
)
def test_a_target_is_read_as_every_other_name(target, host, port):
    assert told(WEB, target) == Attempt(AttemptKind.TLS, WEB, port, host)


@pytest.mark.parametrize("target", ["", "a_b:443", "u@open.example:443", "open.example:0", "127.1:443", "a\udcff:443"])
def test_what_is_no_name_is_hopeless(target):
    asked = told(WEB, target)
    assert isinstance(asked, Refusal)
    assert asked.code is Code.NAME_MALFORMED
    assert hopeless(policy(POLICY), asked).status == 400


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("none.example:443", Code.UNREGISTERED),
        ("open.example:444", Code.PORT_UNREGISTERED),
        ("open.example:443", None),  # a rule denies it, which is told to the request itself
    ],
)
def test_only_what_is_unknown_is_hopeless(target, code):
    decision = hopeless(policy(POLICY), told(WEB, target))
    assert (decision and decision.code) is code


TEXTS = st.one_of(
    st.text(max_size=40),
    st.text("a.:[]@01%x", max_size=12),
    st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)


@given(policies(), TEXTS)
def test_any_target_is_hopeless_or_not_and_never_an_error(policy, target):
    decision = hopeless(policy, told(WEB, target))
    assert decision is None or not decision.allowed


def test_where_everything_passes_only_what_is_no_name_is_hopeless():
    open_to_all = policy(f"{DEFAULTS}{{mode: ALLOW_ANY}}")
    assert hopeless(open_to_all, told(WEB, "evil.example:80")) is None
    assert hopeless(open_to_all, told(WEB, "evil example:80")).code is Code.NAME_MALFORMED


@given(policies(), attempts())
def test_whatever_is_said_at_a_hopeless_target_is_denied(policy, attempt):
    """Who tells a proxy a name dials no address, and says that name again where it says one."""
    if attempt.host is None:
        return
    refused = hopeless(policy, Attempt(AttemptKind.TLS, attempt.caller, attempt.port, attempt.host))
    if refused is not None:
        said = Attempt(
            attempt.kind, attempt.caller, attempt.port, attempt.host, None, attempt.sni, attempt.encrypted,
            attempt.method, attempt.path,
        )  # fmt: skip
        assert decide(policy, said).code is refused.code
