"""A backtest under the policy of the time finds nothing, but for what it says it cannot know; under another, what
changes and why."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backtest.recorded import recorded
from capture.exchanges import exchange, kept
from outgate.backtest.again import Unasked, again
from outgate.backtest.doubt import UNSAID, UNSEEN
from outgate.backtest.verdicts import MOST, Outcome, Verdicts
from outgate.policy.attempts import Way
from outgate.redact.exchange import Exchange, Relayed, Verdict
from outgate.redact.redacted import Manifest, Mark, seal
from policy.building import policy
from policy.strategies import cases

REGISTRY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: REGISTRY_ONLY}
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: api}
spec:
  hosts: [api.example]
  ports: [{number: 443, protocol: HTTPS}]
"""
RULE = """
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: rule}
spec:
  action: DENY
  %s
"""


def kept_of(*arguments, verdict="allow", code="registered", marks=(), **facts):
    made = exchange(*arguments, verdict=Verdict(verdict, code), **facts)
    return seal(made, Manifest(marks=tuple(Mark(where, "rule", "token") for where in marks)))


def tunnel(sni="api.example", verdict="allow", code="registered"):
    relayed = Relayed(sni, 443, sni=sni)
    return seal(Exchange("1", 1e9, relayed=relayed, verdict=Verdict(verdict, code)), Manifest())


def compared(text, *records):
    made = Verdicts(policy(text))
    for each in records:
        made.add(each)
    return made


def only(made):
    ((change, group),) = made.changes.items()
    return change, group


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.booleans(), st.sampled_from((None, 0, 1)))
def test_under_the_same_policy_only_what_is_not_known_may_change(case, header, segment):
    rules, sent = case
    if (record := recorded(rules, sent, header=header, segment=segment)) is None:
        return
    made = Verdicts(rules, sent.way)
    made.add(record)
    assert all(change.doubt for change in made.changes), made.changes


@settings(max_examples=60, deadline=None)
@given(st.lists(kept, max_size=3), st.sampled_from(Way))
def test_whatever_a_record_holds_it_is_counted_once(records, way):
    made = Verdicts(policy(REGISTRY), way)
    for each in records:
        made.add(each)
    assert made.changed + made.same + made.apart.total() == len(records)


ALLOWING_NOBODY = """---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: nobody}
spec: {action: ALLOW, rules: []}
"""


def test_bytes_that_may_have_been_tls_that_is_decrypted_are_not_certain():
    watching = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: defaults}
spec: {mode: OBSERVE, unregisteredTLS: DECRYPT}
"""
    record = seal(
        Exchange("1", 1e9, relayed=Relayed("10.0.0.1", 80), verdict=Verdict("deny", "unregistered")), Manifest()
    )
    made = Verdicts(policy(watching + ALLOWING_NOBODY), Way.REGULAR)
    made.add(record)
    change, _ = only(made)
    assert (change.would[:2], change.doubt) == (("allow", "observed"), UNSAID)


def test_what_another_policy_denies_is_told_with_its_document():
    made = compared(REGISTRY, kept_of("https://other.example/a?q=1", caller="prod/web", code="allow_any"))
    change, group = only(made)
    assert change.was == Outcome("allow", "allow_any")
    assert change.would[:2] == ("deny", "unregistered")
    assert change.would.rule.startswith("EgressDefaults default/defaults")
    assert (change.doubt, group.example, group.caller) == ("", "GET https://other.example/a", "prod/web")


def test_what_another_policy_allows_is_told():
    change, _ = only(compared(REGISTRY, kept_of(verdict="deny", code="unregistered")))
    assert change.would[:2] == ("allow", "registered")


def test_changes_of_one_kind_are_one_group():
    made = compared(REGISTRY, *(kept_of(f"https://{name}.example/") for name in "abc"), kept_of())
    assert only(made)[1].count == made.changed == 3
    assert made.same == 1


def test_another_way_to_pass_is_no_change():
    assert compared(REGISTRY, kept_of(code="observed")).same == 1


def test_another_reason_to_deny_is_one():
    made = compared(REGISTRY, kept_of("https://api.example:8443/", verdict="deny", code="unregistered"))
    assert only(made)[0].would.code == "port_unregistered"


@pytest.mark.parametrize(
    ("rule", "marks", "doubt"),
    [
        (
            "to: {headers: {x-team: [a]}}",
            ["request.header.x-team"],
            "a rule looks at the header x-team, which was redacted",
        ),
        (
            "to: {headers: {cookie: ['*']}}",
            ["request.cookie.sid"],
            "a rule looks at the header cookie, which was redacted",
        ),
        ("to: {headers: {x-team: [a]}}", ["request.header.other"], ""),
        ("to: {paths: [/items/7]}", ["request.path[1]"], "a rule looks at the path, which was redacted in part"),
        ("to: {paths: ['*/7']}", ["request.path[0]"], "a rule looks at the path, which was redacted in part"),
        ("to: {paths: [/items*]}", ["request.path[1]"], ""),
        ("to: {paths: [/admin/*]}", ["request.path[1]"], ""),
        ("to: {paths: [/items/7]}", ["request.query.q"], ""),
        ("to: {paths: [/items/7]}", ["request.target"], "a rule looks at the path, which was redacted in part"),
        ("from: {ipBlocks: [10.0.0.0/8]}", [], "a rule looks at the caller's address, which is not kept"),
        ("shadow: true\n  to: {headers: {x-team: [a]}}", ["request.header.x-team"], ""),
    ],
)
def test_what_a_rule_cannot_know_makes_it_uncertain(rule, marks, doubt):
    made = compared(
        REGISTRY + RULE % rule,
        kept_of("https://api.example/items/7", verdict="deny", code="x"),
        kept_of("https://api.example/items/8?q=1", fields=[(b"x-team", b"b")], marks=marks),
    )
    found = [*made.unsure, *(change.doubt for change in made.changes)]
    assert made.apart.total() == 1
    assert found == ([doubt] if doubt else [] if made.same else [""])


def test_a_tunnel_that_would_be_decrypted_is_uncertain():
    assert compared(REGISTRY, tunnel()).unsure == Counter({UNSEEN: 1})


def test_a_tunnel_that_would_be_denied_is_not():
    change, group = only(compared(REGISTRY, tunnel("other.example")))
    assert (change.would.code, change.doubt, group.example) == ("unregistered", "", "tls://other.example:443")


def test_a_tunnel_that_held_no_http_stays_denied():
    made = compared(REGISTRY, tunnel(verdict="deny", code="protocol_mismatch"))
    assert (made.same, made.unsure) == (1, Counter())


def test_what_was_denied_by_somebody_else_is_not_compared():
    made = compared(REGISTRY, kept_of(verdict="deny", code="quota"), kept_of(verdict="deny", code="policy_failure"))
    assert made.apart == {"it was denied by something else than a policy": 2}


def test_what_redaction_lost_is_not_compared():
    lost = seal(exchange(), Manifest(dropped=(("exchange", "failed"),)))
    assert compared(REGISTRY, lost).apart == {"redaction had failed, so that little of it is there": 1}
    with pytest.raises(Unasked, match="redaction had failed"):
        again(lost, Way.TRANSPARENT)


def test_groups_are_bounded(monkeypatch):
    monkeypatch.setattr("outgate.backtest.verdicts.MOST", 1)
    made = compared(REGISTRY, kept_of("https://a.example/"), kept_of("https://a.example/", code="internal"))
    assert (len(made.changes), made.others, made.changed) == (1, 1, 2)
    assert MOST > 1
