"""The same company's policy in five dialects: the same verdicts, and the same again when it is converted."""

from pathlib import Path

import pytest

from outgate.converting.conversion import convert
from outgate.policy import compile as compilation
from outgate.policy.attempts import Way
from outgate.policy.cases import Case, judge, read_cases
from outgate.policy.compile import Policy, gather
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Identity

EXAMPLES = Path(__file__).parents[2] / "policy" / "examples"
DIALECTS = ("istio", "kuma", "linkerd", "native", "osm")
TUNNEL = "the method is inside the tunnel"
OTHERWISE = {
    ("osm", "payments do not read"): TUNNEL,
    ("osm", "somebody new does, too"): "sources are accounts by name",
    ("osm", "nobody publishes packages"): "what no route takes is answered 404, and the verdict knows no methods",
    ("linkerd", "payments do not read"): TUNNEL,
    ("linkerd", "an account of payments that is not the service charges nothing"): "callers are told by namespace",
    ("kuma", "payments do not read"): "permissions know no methods",
    ("kuma", "nobody publishes packages"): "permissions know no methods",
    ("kuma", "a database elsewhere is none of theirs"): "a generated name has no address",
}
"""What a dialect cannot say, and why; its comment in the file says what happens instead."""
SETTING = Setting()


def loaded(dialect: str) -> tuple[Policy, str]:
    """The policy, and what it is converted to."""
    documents, unread = gather([EXAMPLES / dialect])
    assert unread == []
    policy = compilation.compile(documents, SETTING)
    made = convert(policy, documents, SETTING, "outgate.yaml")
    assert made.whole
    assert made.problems == ()
    return policy, made.text


def cases(dialect: str) -> list[Case]:
    path = EXAMPLES / dialect / "company.test.yaml"
    return read_cases(path.read_text(), str(path))


def known(caller: str | None) -> Identity:
    namespace, _, account = (caller or "").partition("/")
    return Identity(namespace=namespace, service_account=account, how="test")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_decides_as_its_cases_say_and_so_does_what_it_is_converted_to(dialect):
    policy, text = loaded(dialect)
    converted = compilation.compile(parse(text, "outgate.yaml"), SETTING)
    for each in (policy, converted):
        results = [judge(each, case, known, Way.TRANSPARENT) for case in cases(dialect)]
        assert [str(problem) for result in results for problem in result.differences] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_cases_are_the_same_but_for_what_a_dialect_cannot_say(dialect):
    ours, theirs = ({case.title: case.record.get("expect") for case in cases(each)} for each in ("native", dialect))
    assert list(ours) == list(theirs)
    differing = {(dialect, name) for name, expected in theirs.items() if expected != ours[name]}
    assert differing == {key for key in OTHERWISE if key[0] == dialect}


def test_what_osm_answers_404_goes_nowhere():
    """The verdict of the row that OSM's routes decide, and not its rules."""
    policy, _ = loaded("osm")
    (row,) = [case for case in cases("osm") if case.title == "nobody publishes packages"]
    decision = judge(policy, row, known, Way.TRANSPARENT).decision
    assert decision.allowed
    port = decision.port
    assert [match.method.value for route in port.routes for match in route.matches] == ["GET"] * 4
    assert str(port.unmatched) == "NOT_FOUND"


@pytest.mark.parametrize("dialect", ["istio", "kuma", "native"])
def test_payments_need_no_tls_where_the_dialect_can_start_it(dialect):
    policy, _ = loaded(dialect)
    (row,) = [case for case in cases(dialect) if case.title == "payments charge"]
    upstream = judge(policy, row, known, Way.TRANSPARENT).decision.port.upstream
    ports = {endpoint.port for endpoint in upstream.endpoints} or {upstream.port}
    assert (upstream.tls is not None, ports) == (True, {443})
