"""What rules, modes and addresses do to traffic: each verdict as the workload and the log see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.documents import Document, access, defaults, destination, istio, policy
from e2e.journal import Journal, untouched
from e2e.lab import world
from e2e.lab.namespaces import METADATA4, METADATA6, Lab
from e2e.lab.origins import LabOrigins
from e2e.rogue import rogue
from e2e.workload import Workload
from proxy.openings import Hello, client_hello

pytestmark = pytest.mark.netns

type Under = Callable[[str], object]

CLOSED = defaults(mode="REGISTRY_ONLY")
API = destination("api.example", ports=("80/HTTP", "443/HTTPS"))
POLICY = policy(CLOSED, API)
SETTINGS = {
    "workload_namespace": "prod",
    "workload_service_account": "web",
    "workload_labels": "topology.kubernetes.io/region=eu",
}
FORBIDDEN, PRIVATE = world.ADDRESSES["forbidden"], world.ADDRESSES["private"]


# Rules.


def authorization(name: str, *rules: Document, action: str = "DENY", **metadata: Any) -> Document:
    spec = {"action": action, "rules": list(rules)}
    return istio("AuthorizationPolicy", name, spec, "security", **{"namespace": "istio-system", **metadata})


def to(**operation: Any) -> Document:
    return {"to": [{"operation": operation}]}


RULES = {
    "istio": authorization("no-admin", to(paths=["/admin*"])),
    "native": access("no-admin", action="DENY", rules=[{"to": [{"paths": ["/admin*"]}]}]),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("speech", ["--http1.1", "--http2"])
def test_a_rule_refuses_with_403_and_says_which(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal, rule: str, speech: str
) -> None:
    under(policy(CLOSED, API, RULES[rule]))
    answer = workload.curl("https://api.example/admin/users?id=1", speech)
    assert (answer.status, answer.denial["code"]) == (403, "refused_by_rule"), answer
    assert "no-admin" in answer.denial["rule"]
    assert "policy.yaml:" in answer.denial["rule"]
    entry = journal.one(path="/admin/users")
    assert (entry["verdict"], entry["code"], entry["status"]) == ("deny", "refused_by_rule", 403)
    assert "no-admin" in entry["rule"]
    assert not origins.records("request")
    assert workload.curl("https://api.example/other", speech).status == 200


def test_a_rule_keeps_traffic_within_the_callers_region(
    workload: Workload, under: Under, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    own = access("own-region", action="ALLOW", to={"regions": ["."]})
    here = destination("api.example", ports=("80/HTTP",), region="eu")
    away, nowhere = (
        destination("forbidden.example", ports=("80/HTTP",), region="us"),
        destination("one.example", ports=("8080/HTTP",)),
    )
    under(policy(CLOSED, here, away, nowhere, own))
    assert workload.curl("http://api.example/here").status == 200
    with untouched(counting, *FORBIDDEN, *world.ADDRESSES["one"]):
        answer = workload.curl("http://forbidden.example/away")
        assert workload.curl("http://one.example:8080/").status == 403
    assert (answer.status, answer.denial["code"], answer.denial["region"]) == (403, "refused_by_rule", "us")
    assert answer.denial["reason"].endswith("; it is in the region us")
    assert [journal.one(path=path)["region"] for path in ("/here", "/away")] == ["eu", "us"]


ALLOWED = {
    "this account": ({"principals": ["cluster.local/ns/prod/sa/web"]}, 200),
    "this namespace": ({"namespaces": ["prod"]}, 200),
    "another account": ({"principals": ["cluster.local/ns/prod/sa/job"]}, 403),
    "another namespace": ({"namespaces": ["test"]}, 403),
    "an identity that is not known": ({"requestPrincipals": ["*"]}, 403),
    "all but an identity that is not known": ({"notRequestPrincipals": ["x"]}, 403),
}


@pytest.mark.parametrize("who", ALLOWED)
def test_an_allow_rule_lets_only_its_callers_pass(
    workload: Workload, under: Under, origins: LabOrigins, who: str
) -> None:
    source, expected = ALLOWED[who]
    under(policy(CLOSED, API, authorization("only", {"from": [{"source": source}]}, action="ALLOW")))
    answer = workload.curl("http://api.example/")
    assert answer.status == expected, answer
    assert expected == 200 or answer.denial["code"] == "refused_by_rule"


@pytest.mark.core
@pytest.mark.parametrize(
    "target", ["/admin/../admin", "/x/%2e%2e/admin", "//admin", "/%61dmin%2f", "/admin%00", "/./admin"]
)
def test_a_path_that_could_be_read_in_two_ways_is_refused_where_rules_look_at_paths(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal, target: str
) -> None:
    under(policy(CLOSED, API, RULES["istio"]))
    answer = workload.get("api.example", f"GET {target} HTTP/1.1\r\nHost: api.example".encode())
    assert (answer.status, answer.denial["code"]) == (400, "path_ambiguous"), answer
    assert journal.one(verdict="deny")["code"] == "path_ambiguous"
    assert not origins.records("request")


def test_a_rule_in_dry_run_is_logged_and_not_enforced(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal
) -> None:
    tried = authorization("trial", to(methods=["GET"]), annotations={"istio.io/dry-run": "true"})
    under(policy(CLOSED, API, tried))
    assert workload.curl("http://api.example/shadowed").status == 200
    entry = journal.one(path="/shadowed")
    assert (entry["verdict"], entry["code"]) == ("allow", "registered")
    assert entry["shadow"].startswith("deny by AuthorizationPolicy istio-system/trial")


def test_a_rule_that_audits_is_logged_and_passes(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal
) -> None:
    under(policy(CLOSED, API, authorization("watch", to(methods=["GET"]), action="AUDIT")))
    assert workload.curl("http://api.example/audited").status == 200
    assert "istio-system/watch" in journal.one(path="/audited")["audited"]


@pytest.mark.core
def test_a_rule_on_hosts_judges_a_tunnel_by_its_sni(
    workload: Workload, under: Under, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    pinned = destination("pinned.example", ports=("443/TLS",))
    under(policy(CLOSED, pinned, authorization("no-pins", to(hosts=["pinned.example"]))))
    trust = workload.pki.second_ca.cert
    with untouched(counting, *world.ADDRESSES["pinned"]):
        assert workload.curl("https://pinned.example/", trust=trust).exit == 35
    assert journal.one(kind="tls")["code"] == "refused_by_rule"
    under(policy(CLOSED, pinned))
    assert workload.curl("https://pinned.example/", trust=trust).status == 200


# Modes.


def test_observe_passes_what_it_would_deny_and_logs_the_denial(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal
) -> None:
    under(policy(defaults(mode="OBSERVE"), API, RULES["native"]))
    unregistered, refused = workload.curl("http://forbidden.example/seen"), workload.curl("http://api.example/admin")
    assert (unregistered.status, unregistered.json["server"]) == (200, "forbidden-plain")
    assert (refused.status, refused.json["server"]) == (200, "api-plain")
    for path, would in (("/seen", "unregistered"), ("/admin", "refused_by_rule")):
        entry = journal.one(path=path)
        assert (entry["verdict"], entry["code"], entry["would"]) == ("allow", "observed", would)
    assert "would" not in _logged(workload, journal, "http://api.example/fine")


def _logged(workload: Workload, journal: Journal, url: str) -> dict[str, Any]:
    workload.curl(url)
    return journal.one(path=url[url.rindex("/") :])


def test_observe_tunnels_tls_and_logs_the_denial(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal
) -> None:
    under(policy(defaults(mode="OBSERVE"), API))
    assert workload.curl("https://forbidden.example/", trust=workload.pki.origin_ca.cert).status == 200
    entry = journal.one(kind="tls")
    assert (entry["code"], entry["would"]) == ("observed", "unregistered")


@pytest.mark.core
@pytest.mark.parametrize("mode", ["OBSERVE", "ALLOW_ANY"])
@pytest.mark.parametrize("address", [METADATA4, METADATA6, f"::ffff:{METADATA4}"])
def test_no_mode_lets_metadata_addresses_pass(
    workload: Workload, under: Under, counting: Lab, journal: Journal, mode: str, address: str
) -> None:
    under(policy(defaults(mode=mode), API))
    with untouched(counting, METADATA4, METADATA6):
        answer = workload.get(address, b"GET /latest HTTP/1.1\r\nHost: metadata.example")
    assert (answer.status, answer.denial["code"]) == (403, "address_refused")
    assert journal.one(path="/latest")["code"] == "address_refused"


def test_what_has_expired_is_denied_and_names_its_document(
    workload: Workload, under: Under, counting: Lab, origins: LabOrigins, journal: Journal
) -> None:
    now = datetime.now(UTC)
    past, future = ((now + timedelta(hours=hours)).isoformat(timespec="seconds") for hours in (-1, 1))
    under(policy(CLOSED, destination("api.example", ports=("80/HTTP",), name="emergency", expires=past)))
    with untouched(counting, *world.ADDRESSES["api"]):
        answer = workload.curl("http://api.example/late")
    assert (answer.status, answer.denial["code"]) == (502, "expired")
    assert "emergency" in answer.denial["rule"]
    under(policy(CLOSED, destination("api.example", ports=("80/HTTP",), name="emergency", expires=future)))
    assert workload.curl("http://api.example/early-enough").status == 200


# In-mesh traffic.


@pytest.mark.parametrize("by", ["network", "name"])
def test_in_mesh_traffic_passes_as_it_is_and_is_counted_apart(
    workload: Workload, under: Under, origins: LabOrigins, journal: Journal, by: str
) -> None:
    known = {"networks": ["10.20.0.0/16"]} if by == "network" else {"hosts": ["*.example"]}
    under(policy(defaults(mode="REGISTRY_ONLY", internal=known), API))
    url = f"http://{PRIVATE[0]}/inside" if by == "network" else "http://private.example/inside"
    answer = workload.curl(url, "-4")
    assert (answer.status, answer.json["server"]) == (200, "private-plain"), answer
    entry = journal.one(path="/inside")
    assert (entry["verdict"], entry["code"], entry["traffic"]) == ("allow", "internal", "internal")


# Addresses.


REFUSED = {
    "metadata": METADATA4,
    "metadata over IPv6": METADATA6,
    "private": "10.20.0.5",
    "private IPv6": "fd20::5",
    "loopback": "127.0.0.1",
    "loopback IPv6": "::1",
    "mapped metadata": f"::ffff:{METADATA4}",
    "mapped private": "::ffff:10.20.0.5",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 of private": "64:ff9b::a14:5",
    "6to4 of private": "2002:a14:5::1",
    "carrier-grade NAT": "100.64.0.1",
    "link-local": "169.254.1.1",
    "unspecified": "0.0.0.0",
}


@pytest.mark.core
@pytest.mark.parametrize("kind", REFUSED)
def test_a_registered_name_does_not_lead_inside(
    workload: Workload, under: Under, named: Callable[..., None], counting: Lab, journal: Journal, kind: str
) -> None:
    """Whatever a name's owner lets it resolve to. The workload itself dials some public address."""
    host = f"rebound-{kind.replace(' ', '-').lower()}.example"
    counting.resolve(host, REFUSED[kind])
    under(policy(CLOSED, destination(host, ports=("80/HTTP", "443/TLS"))))
    with untouched(counting, METADATA4, METADATA6, *PRIVATE):
        answer = workload.get(FORBIDDEN[0], f"GET /inside HTTP/1.1\r\nHost: {host}".encode())
        tunnel = workload.say(FORBIDDEN[0], client_hello(Hello(host)), 443)
    assert (answer.status, answer.denial["code"]) == (502, "address_refused"), answer
    assert tunnel == b""
    assert host in journal.one(path="/inside")["failure"]
    assert journal.one(kind="tls")["failure"].startswith("address_refused")


@pytest.mark.parametrize(("name", "network"), [("private", "10.20.0.0/16"), ("metadata", METADATA4)])
def test_an_entry_that_names_such_an_address_leads_there(
    workload: Workload, under: Under, origins: LabOrigins, name: str, network: str
) -> None:
    entry = destination(f"{name}.example", ports=("80/HTTP",), allowAddresses=[network])
    under(policy(CLOSED, entry))
    answer = workload.curl(f"http://{name}.example/", "-4")
    assert (answer.status, answer.json["server"]) == (200, f"{name}-plain"), answer


@pytest.mark.core
def test_one_address_that_is_not_permitted_does_not_spoil_the_others(
    workload: Workload, under: Under, named: Callable[..., None], counting: Lab, origins: LabOrigins
) -> None:
    counting.resolve("mixed.example", PRIVATE[0], world.ADDRESSES["api"][0])
    under(policy(CLOSED, destination("mixed.example", ports=("80/HTTP",))))
    with untouched(counting, *PRIVATE):
        answer = workload.get(FORBIDDEN[0], b"GET / HTTP/1.1\r\nHost: mixed.example")
    assert (answer.status, answer.json["server"]) == (200, "api-plain")


def test_nat64_is_judged_by_the_address_inside(
    workload: Workload, under: Under, named: Callable[..., None], lab: Lab, journal: Journal
) -> None:
    """A public one passes: in a network without IPv4, the resolver's answers are such."""
    named("translated.example", synthesised := "64:ff9b::5db8:d83c")
    under(policy(CLOSED, destination("translated.example", ports=("80/HTTP",))))
    answered = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    with rogue(lab, synthesised, 80, answered):
        answer = workload.curl("http://translated.example/")
    assert answer.status == 200, answer
    assert journal.one(host="translated.example")["upstream"] == f"[{synthesised}]:80"
