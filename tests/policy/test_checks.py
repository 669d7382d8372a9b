"""What no single document shows: rivals, shared ports, ends, files that are missing, ways out through DNS."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from outgate.policy import checks
from outgate.policy.model import (
    EVERY_PORT,
    Defaults,
    Endpoint,
    HeaderInjection,
    Intercept,
    Port,
    Protocol,
    Resolution,
    Source,
    Tunnel,
    Upstream,
    UpstreamTLS,
)
from outgate.policy.resilience_model import PLAIN_RESILIENCE, Limits, Resilience
from outgate.policy.route_model import Backend, Bucket, RateLimit, Route
from outgate.problems import Severity, Where
from policy.building import destination
from policy.strategies import NOW


def rivals(*destinations):
    return list(checks.conflicts([("native", destinations)]))


def test_one_pattern_and_port_in_two_documents_is_a_warning_that_names_both():
    first, second = destination("a.example", name="first", line=1), destination("a.example", name="second", line=9)
    (problem,) = rivals(first, second)
    assert (problem.severity, problem.where.line) == (Severity.WARNING, 9)
    assert "EgressDestination default/first (policy.yaml:1:1), which wins" in problem.what


@pytest.mark.parametrize(
    "other",
    [
        destination("b.example", line=9),
        destination("a.example", port=80, line=9),
        destination("a.example", export_to=("dev",), line=9),
        destination("a.example", export_to=("~",), line=9),
    ],
)
def test_different_names_ports_or_audiences_do_not_conflict(other):
    assert rivals(destination("a.example", export_to=("prod",)), other) == []


def test_what_nobody_sees_conflicts_with_nothing():
    assert rivals(destination("a.example"), destination("a.example", export_to=("~",), line=9)) == []


def test_a_document_does_not_conflict_with_itself():
    assert rivals(destination("a.example", "*.example"), destination("a.example")) == []


def test_two_meshes_that_differ_about_one_place_are_an_error_that_names_both():
    ours = destination("a.example", name="ours", line=1)
    theirs = destination("a.example", name="theirs", intercept=Intercept.TUNNEL, line=9)
    (problem,) = checks.conflicts([("native", [ours]), ("istio", [theirs])])
    assert problem.severity is Severity.ERROR
    assert problem.where.line == 9
    assert "default/ours (policy.yaml:1:1), which says otherwise" in problem.what


def test_two_meshes_that_say_the_same_are_a_warning():
    tls = UpstreamTLS(sni="a.example", source=Source(Where("a.yaml"), "DestinationRule", "a"))
    ours, theirs = (
        destination("a.example", line=line, ports=(Port(443, Protocol.HTTPS, Upstream(443, tls=block)),))
        for line, block in ((1, tls), (9, replace(tls, source=None)))
    )
    (problem,) = checks.conflicts([("native", [ours]), ("istio", [theirs])])
    assert problem.severity is Severity.WARNING


def routed(line: int, *routes: Route, resilience: Resilience = PLAIN_RESILIENCE):
    port = Port(443, Protocol.HTTPS, Upstream(443, resilience=resilience), routes=routes)
    return destination("a.example", line=line, ports=(port,))


SAID = Source(Where("traffic.yaml", 3, 1), "EgressTraffic", "t", "default")
ROUTE = Route(timeout=1.0, limits=(RateLimit("a", Bucket(1, 1, 1.0), source=SAID),), source=SAID)
TUNED = Resilience(limits=Limits(connections=5), source=SAID)


@pytest.mark.parametrize(
    ("ours", "theirs", "severity"),
    [
        (routed(1, ROUTE), routed(9, replace(ROUTE, timeout=2.0)), Severity.ERROR),
        (routed(1, ROUTE), routed(9), Severity.ERROR),
        (routed(1, resilience=TUNED), routed(9, resilience=replace(TUNED, as_client=True)), Severity.ERROR),
        (routed(1, ROUTE), routed(9, replace(ROUTE, limits=(RateLimit("a", Bucket(1, 1, 1.0)),))), Severity.WARNING),
        (routed(1), routed(9, Route(timeout=9.0), resilience=Resilience(idle_timeout=9.0)), Severity.WARNING),
    ],
    ids=["routes", "one has routes", "limits", "another place", "defaults of a mesh"],
)
def test_two_meshes_do_not_say_otherwise_how_traffic_goes(ours, theirs, severity):
    (problem,) = checks.conflicts([("native", [ours]), ("istio", [theirs])])
    assert problem.severity is severity
    if severity is Severity.ERROR:
        assert "EgressTraffic default/t (traffic.yaml:3:1), which says otherwise" in problem.what


def test_networks_conflict_as_names_do():
    net = (ip_network("10.0.0.0/8"),)
    assert len(rivals(destination(networks=net), destination(networks=net, line=9))) == 1


def test_own_namespace_meets_the_name_of_that_namespace():
    own = destination("a.example", namespace="prod", export_to=(".",))
    assert len(rivals(own, destination("a.example", export_to=("prod",), line=9))) == 1
    assert rivals(own, destination("a.example", namespace="dev", export_to=(".",), line=9)) == []


def tcp(host, **more):
    return destination(host, name=host, port=5432, protocol=Protocol.TCP, **more)


def test_two_tcp_names_on_one_port_are_an_error_that_names_both():
    (problem,) = checks.lone_ports([tcp("a.example", line=1), tcp("b.example", line=9)])
    assert problem.severity is Severity.ERROR
    assert "b.example and a.example" in problem.what
    assert "(policy.yaml:1:1)" in problem.what
    assert problem.where.line == 9


@pytest.mark.parametrize(
    "other",
    [
        tcp("b.example", line=9, export_to=("dev",)),
        tcp("b.example", line=9, networks=(ip_network("10.0.0.0/8"),)),
        tcp("10.0.0.1", line=9),
        tcp("a.example", line=9),
        destination("b.example", port=5432, line=9),
    ],
)
def test_tcp_that_can_be_told_apart_shares_a_port(other):
    assert list(checks.lone_ports([tcp("a.example", export_to=("prod",)), other])) == []


@pytest.mark.parametrize("hosts", [("*.example",), ("a.example", "b.example")])
def test_tcp_that_nothing_tells_is_warned_of(hosts):
    (problem,) = checks.lone_ports([destination(*hosts, port=5432, protocol=Protocol.TCP)])
    assert problem.severity is Severity.WARNING
    assert "neither an address nor one name" in problem.what


def test_allowances_that_end_are_loud_before_and_after():
    ends = destination("a.example", name="hotfix", expires=NOW + timedelta(hours=1))
    ended = destination("b.example", name="old", expires=NOW, line=2)
    soon, past = checks.expiries([ends, ended, destination("c.example", line=3)], NOW)
    assert "hotfix is a temporary allowance until 2026-01-01 01:00" in soon.what
    assert "old expired at 2026-01-01 00:00" in past.what
    assert {soon.severity, past.severity} == {Severity.WARNING}


def test_wildcards_that_the_gate_resolves_are_named_as_a_way_out():
    (problem,) = checks.dns_channels([destination("*.example")])
    assert "through DNS" in problem.what
    assert "endpoints" in problem.hint


@pytest.mark.parametrize(
    "known",
    [
        destination("a.example"),
        destination("*.mesh", internal=True),
        destination(
            "*.example",
            ports=(Port(443, Protocol.TLS, Upstream(443, Resolution.STATIC, (Endpoint("192.0.2.1", 443),))),),
        ),
    ],
)
def test_what_is_pinned_or_exact_is_no_channel(known):
    assert list(checks.dns_channels([known])) == []


def test_files_that_are_not_there_are_errors_and_warnings_when_lenient(tmp_path):
    here, absent = str(tmp_path / "here"), str(tmp_path / "absent")
    (tmp_path / "here").write_text("")
    place = Source(Where("policy.yaml", 5, 3), "EgressDestination", "d")
    tls = UpstreamTLS(ca=here, client_certificate=absent, private_key=here, crl=here, source=place)
    port = Port(443, Protocol.HTTPS, Upstream(443, tls=tls))
    known = destination("a.example", ports=(port,), headers=(HeaderInjection("authorization", file=absent),))
    problems = list(checks.missing_files([known], strict=True))
    assert [problem.severity for problem in problems] == [Severity.ERROR]
    assert f"{absent}: no such file" in problems[0].what
    assert [problem.severity for problem in checks.missing_files([known], strict=False)] == [Severity.WARNING]
    only_header = replace(known, ports=())
    assert len(list(checks.missing_files([only_header], strict=True))) == 1


def through(host: str, port: int) -> tuple[Port, Tunnel]:
    """A port whose route leads to a proxy that is asked for this."""
    tunnel = Tunnel(host, port, Source(Where("rule.yaml", 7, 3), "DestinationRule", "d", field="targetHost"))
    route = Route(backends=(Backend("proxy", Upstream(3128, tunnel=tunnel)),))
    return Port(443, Protocol.TLS, Upstream(443), routes=(route,)), tunnel


@pytest.mark.parametrize(
    ("host", "port", "registered"),
    [
        ("a.example", 443, True),
        ("a.example", 444, False),
        ("b.example", 443, False),
        ("x.wide.example", 80, True),
        ("x.wide.example", 81, False),
        ("192.0.2.7", 5432, True),
        ("192.0.3.7", 5432, False),
        ("any.example", 9, True),
    ],
)
def test_a_proxy_is_asked_for_nothing_that_is_not_registered(host, port, registered):
    """Whoever may write a rule for a proxy could otherwise lead workloads past the registry."""
    leading, _ = through(host, port)
    everywhere = Port(EVERY_PORT, Protocol.TCP, Upstream(0))
    known = [
        replace(destination("a.example"), ports=(leading,)),
        destination("*.wide.example", port=80),
        destination(port=5432, networks=(ip_network("192.0.2.0/24"),)),
        replace(destination("any.example"), ports=(everywhere,)),
    ]
    found = list(checks.unregistered_tunnels(known))
    assert [problem.severity for problem in found] == [] if registered else [Severity.ERROR]
    assert registered or f"asked for {host}:{port}, which is not registered" in found[0].what
    assert registered or (found[0].where.file, found[0].field) == ("rule.yaml", "targetHost")


def test_what_two_ports_ask_a_proxy_for_is_told_once():
    leading, tunnel = through("far.example", 443)
    own = Port(3128, Protocol.TCP, Upstream(3128, tunnel=tunnel))
    known = replace(destination("a.example"), ports=(leading, own))
    assert len(list(checks.unregistered_tunnels([known]))) == 1


@pytest.mark.parametrize("path", [f"/{'x' * 5000}", "/a\0b"], ids=["long", "null"])
def test_a_path_that_no_file_can_have_is_an_error_at_its_place(path):
    known = destination("a.example", headers=(HeaderInjection("authorization", file=path),))
    (problem,) = checks.missing_files([known], strict=True)
    assert str(problem.where) == "policy.yaml:1:1"
    assert len(problem.what) < 300


def test_a_folder_that_may_not_be_looked_into_is_an_error_at_its_place():
    def shut(path):
        raise PermissionError(13, "Permission denied")

    known = destination("a.example", headers=(HeaderInjection("authorization", file="/shut/key"),))
    (problem,) = checks.missing_files([known], strict=True, exists=shut)
    assert "/shut/key: cannot be looked at: Permission denied" in problem.what


@pytest.mark.parametrize("field", ["ca", "client_certificate", "private_key", "crl"])
@pytest.mark.parametrize("where", ["upstream", "port"])
def test_every_file_of_both_tls_blocks_is_looked_for(field, where):
    tls = UpstreamTLS(**{field: "/absent/file"})
    port = Port(443, Protocol.HTTPS, Upstream(443, tls=tls if where == "upstream" else None))
    known = destination("a.example", ports=(replace(port, tls=tls) if where == "port" else port,))
    assert len(list(checks.missing_files([known], strict=True))) == 1


def test_that_no_mode_was_given_is_said():
    (problem,) = checks.no_mode(Defaults(), Where("policy"))
    assert "REGISTRY_ONLY" in problem.what
    assert "ALLOW_ANY" in problem.what
    source = Source(Where("policy.yaml", 1, 1), "EgressDefaults", "d")
    assert list(checks.no_mode(Defaults(mode_source=source), Where("policy"))) == []
