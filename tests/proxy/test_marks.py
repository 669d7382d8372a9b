"""What stands beside a flow says what the access log says, what is short first."""

from dataclasses import replace

import pytest
from mitmproxy import flow, http
from mitmproxy.test import tflow

from outgate.addon import Denied
from outgate.policy.decide import decide
from outgate.policy.model import Code, ShadowVerdict, Source, Verdict
from outgate.problems import Where
from outgate.proxy.exchange import Exchange, attach
from outgate.proxy.marks import mark, verdict_of
from outgate.redact.exchange import Exchange as Neutral
from outgate.redact.redacted import Manifest, Mark, seal
from policy.building import policy
from proxy.requests import attempt, facts, get

POLICY = policy("""
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {name: api, namespace: prod}
    spec: {hosts: [api.example], ports: [{number: 80, protocol: HTTP}]}
""")
SHADOW = Source(Where("policy.yaml", 9, 1), "EgressAccess", "tried", "prod")


def passed(host: str = "api.example", **more: object) -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    asked = attempt(get(f"Host: {host}"))
    exchange = Exchange(facts(), policy=POLICY, attempt=asked, decision=decide(POLICY, asked))
    for name, value in more.items():
        setattr(exchange, name, value)
    attach(made, exchange)
    return made


def marked(made: http.HTTPFlow, kept=None) -> tuple[str, str]:
    mark(made, made.__dict__["outgate"], kept)
    return made.marked, made.comment


def test_what_is_allowed_has_its_document_and_no_mark():
    sign, said = marked(passed())
    assert sign == ""
    assert said.startswith("allow registered: api.example:80 is registered [EgressDestination prod/api (")


def test_what_is_denied_has_its_flag():
    assert marked(passed("evil.example")) == (
        ":no_entry:",
        "deny unregistered (UAEX): evil.example:80 is not registered",
    )


def test_what_came_to_nothing_says_so_first():
    sign, said = marked(passed(failure="it is down", error_code="connect_failed"))
    assert sign == ":warning:"
    assert said.startswith("allow registered (UF): connect_failed: it is down; api.example:80 is registered")


def test_an_addon_that_denied_is_named_by_its_code():
    assert marked(passed(refused=Denied("too_big", "it is too big"))) == (
        ":no_entry:",
        "deny too_big (UAEX): it is too big",
    )


def test_an_addon_that_failed_is_a_denial():
    sign, said = marked(passed(failure="addon failed", error_code=str(Code.POLICY_FAILURE)))
    assert sign == ":no_entry:"
    assert said.startswith("deny policy_failure (UAEX): policy_failure: addon failed; ")


def test_what_is_no_request_says_why():
    made = passed(decision=None, attempt=None)
    made.error = flow.Error("two hosts")
    assert marked(made) == (":no_entry:", "deny request_malformed: two hosts")


@pytest.mark.parametrize(("verdict", "sign"), [(Verdict.DENY, ":eyes:"), (Verdict.ALLOW, "")])
def test_a_rule_that_is_tried_out_is_told(verdict, sign):
    made = passed()
    exchange = made.__dict__["outgate"]
    exchange.decision = replace(exchange.decision, shadows=(ShadowVerdict(verdict, SHADOW),), audited=(SHADOW,))
    found, said = marked(made)
    assert found == sign
    assert f"; dry run {verdict} [{SHADOW}]; audited [{SHADOW}]" in said


def test_under_observe_the_verdict_that_would_be_is_told():
    made = passed()
    exchange = made.__dict__["outgate"]
    exchange.decision = replace(exchange.decision, would=decide(POLICY, attempt(get("Host: evil.example"))))
    sign, said = marked(made)
    assert (sign, "would be deny unregistered" in said) == (":eyes:", True)


def test_how_much_redaction_takes_is_told():
    manifest = Manifest("", (Mark("request.header.a", "rule", "token"),), (("response.body", "too_large"),))
    assert marked(passed(), seal(Neutral("1", 0.0), manifest))[1].startswith(
        "allow registered (1 redacted, response.body too large): "
    )


def test_a_verdict_is_data_too():
    made = passed()
    found = verdict_of(made, made.__dict__["outgate"])
    assert (found.verdict, found.code, found.destination) == ("allow", "registered", "EgressDestination/prod/api")
    assert found.generation == POLICY.generation
