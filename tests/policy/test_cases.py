"""Cases say what a policy is expected to do, and every difference names its line."""

import pytest

from outgate.policy.attempts import Way
from outgate.policy.cases import judge, read_cases
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Identity
from outgate.problems import PolicyError

POLICY = """
apiVersion: outgate.dev/v1alpha1
kind: EgressDefaults
metadata: {name: mesh}
spec:
  mode: REGISTRY_ONLY
  identities: [{namespace: batch, serviceAccount: jobs, uids: [4000]}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: open}
spec:
  hosts: [open.example]
  ports: [{number: 443, protocol: HTTPS}, {number: 80, protocol: HTTP}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressDestination
metadata: {name: database}
spec:
  addresses: [192.0.2.0/28]
  ports: [{number: 5432, protocol: TCP}]
---
apiVersion: outgate.dev/v1alpha1
kind: EgressAccess
metadata: {name: readers}
spec:
  action: ALLOW
  rules:
    - from: {serviceAccounts: [prod/web, batch/jobs]}
    - from: {ipBlocks: [198.51.100.0/24]}
    - to: {headers: {x-key: [sesame]}}
    - to: {ports: [5432]}
"""
USUAL = Identity("prod", "web", how="declared")


@pytest.fixture(scope="module")
def policy():
    return compile_policy(parse(POLICY, "policy.yaml"), Setting())


def known(caller):
    if caller is None:
        return USUAL
    namespace, _, account = caller.partition("/")
    return Identity(namespace, account, how="declared")


def results(policy, text, usual=known):
    return [judge(policy, case, usual, Way.TRANSPARENT) for case in read_cases(f"cases:\n{text}", "a.test.yaml")]


def one(policy, case, usual=known):
    (found,) = results(policy, f"- {{{case}}}\n", usual)
    return found


@pytest.mark.parametrize(
    "case",
    [
        "request: GET https://open.example/, expect: allow",
        "request: GET https://open.example/, expect: ALLOW",
        "request: GET http://open.example/, expect: allow, code: registered, destination: open",
        "request: GET https://open.example/, as: other/one, expect: deny, code: refused_by_rule, rule: readers",
        "request: GET https://open.example/, as: other/one, expect: deny, reason: refused_by_rule",
        "request: GET https://open.example/, as: other/one, from: 198.51.100.7, expect: allow",
        "request: GET https://open.example/, as: other/one, headers: {x-key: sesame}, expect: allow",
        "request: GET https://open.example/, as: other/one, headers: {x-key: other}, expect: deny",
        "request: GET https://else.example/, expect: deny, reason: IS NOT REGISTERED, rule: EgressDefaults mesh",
        "request: GET https://else.example/, expect: deny, rule: EgressDefaults default/mesh",
        "request: 'tcp://192.0.2.3:5432', expect: allow, destination: default/database",
        "request: GET https://open.example/, to: 10.0.0.9, expect: allow",
        "request: GET http://open.example/, mode: regular, expect: allow",
        "request: GET https://else.example/, mode: socks5, expect: deny, code: unregistered",
        "request: CONNECT https://open.example/, expect: deny, code: connect_refused",
    ],
)
def test_a_case_that_is_as_expected_passes(policy, case):
    assert one(policy, case).differences == ()


def test_callers_without_a_declaration_are_mapped_by_uid(policy):
    def nobody(caller):
        return Identity()

    assert one(policy, "request: GET https://open.example/, uid: 4000, expect: allow", nobody).passed
    assert one(policy, "request: GET https://open.example/, uid: 4001, expect: deny", nobody).passed


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (
            "request: GET https://else.example/, expect: allow",
            (
                "a.test.yaml:2:48: GET https://else.example/: allow is expected, and it is deny unregistered: "
                "else.example:443 is not registered; see EgressDefaults default/mesh (policy.yaml:6:9)"
            ),
        ),
        (
            "name: shut, request: GET https://open.example/, expect: deny",
            (
                "a.test.yaml:2:60: shut: deny is expected, and it is allow registered: open.example:443 is registered; "
                "see EgressDestination default/open (policy.yaml:14:11)"
            ),
        ),
        (
            "name: x, request: GET https://else.example/, expect: deny, code: expired",
            "a.test.yaml:2:69: x: expired is expected, and it is deny unregistered: else.example:443 is not registered",
        ),
        (
            "name: x, request: GET https://else.example/, expect: deny, reason: a typo",
            (
                'a.test.yaml:2:71: x: "a typo" is expected, and it is deny unregistered: '
                "else.example:443 is not registered"
            ),
        ),
        (
            "name: x, request: GET https://open.example/, as: a/b, expect: deny, rule: raeders",
            (
                "a.test.yaml:2:78: x: raeders is expected behind the verdict, and it is EgressAccess default/readers "
                '(policy.yaml:23:1); did you mean "readers"?'
            ),
        ),
        (
            "name: x, request: GET https://open.example/, as: a/b, expect: deny, rule: mesh",
            (
                "a.test.yaml:2:78: x: mesh is expected behind the verdict, and it is EgressAccess default/readers "
                "(policy.yaml:23:1)"
            ),
        ),
        (
            "name: x, request: GET https://open.example/, expect: allow, destination: nothing-like-it",
            (
                "a.test.yaml:2:77: x: nothing-like-it is expected to be meant, and it is EgressDestination "
                "default/open (policy.yaml:9:1); no document goes by that name"
            ),
        ),
    ],
)
def test_a_difference_says_where_and_what(policy, case, told):
    assert [str(problem) for problem in one(policy, case).differences] == [told]


def test_each_difference_of_an_expected_verdict_is_told(policy):
    case = "request: GET https://else.example/, expect: deny, code: expired, reason: zz, rule: y, destination: z"
    fields = [problem.field for problem in one(policy, case).differences]
    assert fields == [f"cases[0].{name}" for name in ("code", "reason", "rule", "destination")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "cases: [{request: GET https://a.example/, expct: deny}]",
            [
                'a.test.yaml:1:43: cases[0].expct: unknown field; did you mean "expect"?',
                "a.test.yaml:1:9: cases[0].expect: required value is missing; add it",
            ],
        ),
        (
            "cases: [{request: GET https://a.example/, expect: alow}]",
            ['a.test.yaml:1:51: cases[0].expect: "alow" is not known; did you mean "allow"?'],
        ),
        (
            "cases: [{request: GET https://a.example/, expect: deny, code: unregisterd}]",
            ['a.test.yaml:1:63: cases[0].code: "unregisterd" is not known; did you mean "unregistered"?'],
        ),
        (
            "cases: [{request: GET ftp://a.example/, expect: deny}]",
            ['a.test.yaml:1:19: cases[0].request: "ftp://a.example/" is not a URL; write http://, '],
        ),
        (
            "cases: [{request: 'https://a.example/', expect: deny}]",
            ['a.test.yaml:1:19: cases[0].request: the method is missing; write one, such as "GET https://a.example/"'],
        ),
        (
            "cases: [{request: GET https://a.example/ please, expect: deny}]",
            ['a.test.yaml:1:19: cases[0].request: 3 words; write METHOD URL, such as "GET https://api.example.com/"'],
        ),
        (
            "cases: [{request: GET https://a.example/, expect: deny, as: a/b/c}]",
            ['a.test.yaml:1:61: cases[0].as: "a/b/c" is not valid; write NAMESPACE/SERVICEACCOUNT'],
        ),
        (
            "cases: [{request: GET https://a.example/, expect: deny, from: home}]",
            ['a.test.yaml:1:63: cases[0].from: "home" is not an IP address; write one, such as 192.0.2.7'],
        ),
        (
            "cases: [{request: GET https://a.example/, expect: deny, to: 192.0.2.1, mode: regular}]",
            [
                (
                    "a.test.yaml:1:61: cases[0].to: is for mode transparent; in mode regular a workload dials the "
                    "gate; remove it"
                )
            ],
        ),
        ("cases: []", ["a.test.yaml:1:8: cases: 0 entries, at least 1 needed"]),
        ("cases: [", ["a.test.yaml:1:9: not valid YAML"]),
        ("", ["a.test.yaml: there are no cases here; write some under cases:"]),
        ("kind: EgressDefaults", ["a.test.yaml:1:1: kind: unknown field; known here: cases"]),
    ],
)
def test_what_is_no_file_of_cases_is_refused_with_every_problem(text, told):
    with pytest.raises(PolicyError) as error:
        read_cases(text, "a.test.yaml")
    said = [str(problem) for problem in error.value.problems]
    assert all(one.startswith(other) for one, other in zip(said, told, strict=False)), said
    assert said


def test_a_file_may_hold_several_documents(policy):
    text = "- {request: GET https://open.example/, expect: allow}\n---\ncases:\n"
    text += "- {request: GET https://open.example/, expect: deny}\n"
    assert [result.passed for result in results(policy, text)] == [True, False]
