"""What is proposed loads without a problem, and allows everything that was seen and was not left out."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backtest.recorded import recorded
from capture.exchanges import kept, ports, texts
from outgate.backtest.verdicts import Verdicts
from outgate.learning.captured import seen
from outgate.learning.lacking import lacking
from outgate.learning.places import Places
from outgate.learning.proposal import To, text
from outgate.learning.seen import Seen, Speech
from outgate.learning.services import services
from outgate.policy.attempts import Way
from outgate.policy.model import Mode
from outgate.policy.snapshot import Policy
from policy.building import policy
from policy.strategies import NOW, policies, requests

WARNED = ("by their port alone", "hosts are judged by")
"""What Istio's kinds have no better words for, and what rules say of a port that carries requests and bytes."""


def placed(*records, **options):
    places = Places(**options)
    for record in records:
        if (one := record if isinstance(record, Seen) else seen(record.exchange)) is not None:
            places.add(one)
    return places


def proposed(places, to=To.NATIVE, existing=None, *, narrow=False, wildcards=0):
    found = lacking(list(places.places.values()), existing)
    taken = {each.name for each in existing.destinations} if existing else ()
    made = services(found.places, taken, narrow=narrow, wildcards=wildcards)
    return text(made, to, "istio-system", whole=existing is None, narrow=narrow)


def denied(rules, sent):
    """Records that a policy would deny for certain or perhaps, by the way in which they were sent."""
    for way in Way:
        made = Verdicts(rules, way)
        for record, how in sent:
            if how is way:
                made.add(record)
        yield from (change for change in made.changes if change.would.verdict == "deny")


@st.composite
def captures(draw, drawn=None):
    """Records of one policy, of what was not left out."""
    rules = drawn if drawn is not None else draw(policies())
    sent = draw(st.lists(requests(rules), max_size=8))
    records = [(recorded(rules, each), each.way) for each in sent]
    return [(record, way) for record, way in records if record is not None]


def passed(records, **options):
    """Those that are not left out."""
    return [(record, way) for record, way in records if placed(record, **options).places]


@pytest.mark.parametrize("to", To)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(captures(), st.booleans(), st.booleans())
def test_it_allows_what_was_seen(to, records, include_denied, narrow):
    places = placed(*(record for record, _ in records), include_denied=include_denied)
    made = policy(proposed(places, to, narrow=narrow))
    assert [each for each in made.problems if not any(word in each.what for word in WARNED)] == []
    assert made.defaults.mode is Mode.REGISTRY_ONLY
    assert list(denied(made, passed(records, include_denied=include_denied))) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(kept, max_size=4), st.lists(st.builds(Seen, st.sampled_from(Speech), texts, ports), max_size=4))
def test_whatever_is_seen_what_is_proposed_loads(records, logged):
    places = placed(*records, *logged, include_denied=True)
    assert policy(proposed(places)).problems == ()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_beside_a_policy_it_allows_the_rest(data):
    existing = data.draw(policies())
    records = data.draw(captures(existing))
    places = placed(*(record for record, _ in records))
    found = lacking(list(places.places.values()), existing)
    written = proposed(places, existing=existing)
    added = policy(f"{written}\n---\n{MODE}").destinations
    stuck = {each.where for each in found.left_out}
    together = Policy("both", existing.defaults, (*existing.destinations, *added), existing.scopes, now=lambda: NOW)
    rest = [(record, way) for record, way in passed(records) if str(next(iter(placed(record).places))) not in stuck]
    refused = [change for change in denied(together, rest) if not change.doubt]
    assert refused == []


MODE = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: REGISTRY_ONLY}
"""
