"""Property: converted, the documents of any mesh decide as they did, about everything a workload could try."""

from dataclasses import replace

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from converting.drawn import MESHES, documents
from converting.facts import facts
from outgate.converting.conversion import convert
from outgate.policy import compile as compilation
from outgate.policy.compile import Policy
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Attempt, AttemptKind
from outgate.problems import PolicyError
from policy.strategies import attempts, policies

SETTING = Setting(strict=False)
EXAMPLES = min(settings().max_examples, 20)
KNOWN = ("s0.extsvc.mesh.local", "s1.extsvc.mesh.local", "a.example", "b.x.example", "api.test")
MIXES = [(mesh,) for mesh in MESHES] + [("istio", "kuma"), ("osm", "linkerd"), ("istio", "linkerd"), ("osm", "kuma")]


def loaded(text: str, file: str) -> Policy:
    return compilation.compile(parse(text, file), SETTING)


@st.composite
def tried(draw: st.DrawFn, policy: Policy) -> Attempt:
    """An attempt, most often at a place that the policy knows."""
    attempt = draw(attempts())
    if attempt.kind is AttemptKind.HTTP:
        headers = draw(st.sampled_from(({}, {"x-key": "1"}, {"x-key": "2"})))
        attempt = replace(attempt, headers=headers, grpc=draw(st.booleans()))
    ports = sorted({port.number for each in policy.destinations for port in each.ports if port.number})
    if ports and draw(st.booleans()):
        attempt = replace(attempt, port=draw(st.sampled_from(ports)))
    if draw(st.booleans()):
        host = draw(st.sampled_from(KNOWN))
        attempt = replace(
            attempt, host=host, sni=host if attempt.kind is AttemptKind.TLS or attempt.encrypted else None
        )
    networks = [
        str(each[1] if each.num_addresses > 1 else each[0]) for one in policy.destinations for each in one.networks
    ]
    if networks and draw(st.booleans()):
        attempt = replace(attempt, address=draw(st.sampled_from(networks)))
        attempt = replace(attempt, host=None) if draw(st.booleans()) else attempt
    return attempt


@pytest.mark.parametrize("meshes", MIXES, ids="+".join)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_converted_documents_decide_as_they_did(meshes, data):
    text = data.draw(documents(*meshes))
    try:
        policy = loaded(text, "given.yaml")
    except PolicyError:
        event("refused")
        assume(False)
    made = convert(policy, parse(text, "given.yaml"), SETTING, "made.yaml")
    assert [str(each) for each in made.problems] == []
    converted = loaded(made.text, "made.yaml")
    for _ in range(5):
        attempt = data.draw(tried(policy))
        assert facts(converted, attempt) == facts(policy, attempt)
    again = convert(converted, parse(made.text, "made.yaml"), SETTING, "again.yaml")
    assert _bare(again.text) == _bare(made.text)


def _bare(text: str) -> list[str]:
    """Without the comments, which name the places that a document came from."""
    return [line for line in text.splitlines() if not line.startswith("#")]


@settings(max_examples=EXAMPLES)
@given(policies(), st.data())
def test_a_model_decides_the_same_when_it_is_written_down(policy, data):
    made = convert(policy, [], SETTING, "made.yaml")
    assume(made.whole)
    converted = replace(loaded(made.text, "made.yaml"), now=policy.now)
    for _ in range(5):
        attempt = data.draw(tried(policy))
        assert facts(converted, attempt) == facts(policy, attempt)
