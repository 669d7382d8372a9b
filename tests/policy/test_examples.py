"""The registry that ships and every example load without errors and decide as their comments say."""

from pathlib import Path

import pytest

from outgate.policy.compile import load
from outgate.policy.decide import decide, treat
from outgate.policy.frontends import Setting
from outgate.policy.model import Code, Identity, Resolution, Traffic
from outgate.problems import Severity
from policy.building import http, tcp, tls

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "policy"
EXAMPLES = ROOT / "docs" / "examples"
FILES = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.yaml"))


def by(namespace, account):
    return Identity(namespace=namespace, service_account=account, how="test")


WEB = by("prod", "web")
CASES = [
    ("native/mutual-tls.yaml", http("api.partner.example", 80), Code.REGISTERED),
    ("native/mutual-tls.yaml", http("api.partner.example", 443), Code.PORT_UNREGISTERED),
    ("native/credential.yaml", http("api.model.example"), Code.REGISTERED),
    ("native/database.yaml", tcp("203.0.113.9", 5432), Code.REGISTERED),
    ("native/database.yaml", tcp("192.0.2.7", 9000), Code.REGISTERED),
    ("native/database.yaml", tcp("203.0.113.9", 9000), Code.UNREGISTERED),
    ("native/pinned-wildcard.yaml", tls("bucket.storage.example"), Code.REGISTERED),
    ("native/pinned-wildcard.yaml", tls("storage.example"), Code.UNREGISTERED),
    ("native/emergency.yaml", http("status.vendor.example"), Code.REGISTERED),
    ("native/observe.yaml", http("any.example", address="203.0.113.9"), Code.OBSERVED),
    ("native/observe.yaml", http("any.example", 80, address="169.254.169.254"), Code.ADDRESS_REFUSED),
    ("native/access.yaml", http("api.reports.example", caller=WEB, path="/v1/x"), Code.REGISTERED),
    ("native/access.yaml", http("api.reports.example", caller=WEB, path="/v2/x"), Code.REFUSED_BY_RULE),
    ("native/access.yaml", http("api.reports.example", caller=by("prod", "job"), method="POST"), Code.REGISTERED),
    ("native/access.yaml", http("api.reports.example", caller=Identity()), Code.REFUSED_BY_RULE),
    ("native/telemetry.yaml", http("api.partner.example"), Code.REGISTERED),
    ("native/traffic.yaml", http("api.partner.example"), Code.REGISTERED),
    ("native/redaction.yaml", http("api.payments.example"), Code.REGISTERED),
    ("native/capture.yaml", http("api.partner.example"), Code.REGISTERED),
    ("istio/11-rate-limit.yaml", http("api.example.com", 80), Code.REGISTERED),
    ("istio/10-telemetry.yaml", tls("api.github.com"), Code.REGISTERED),
    ("istio/01-registry-only.yaml", http("any.example"), Code.UNREGISTERED),
    ("istio/02-service-entry.yaml", tls("api.github.com"), Code.REGISTERED),
    ("istio/02-service-entry.yaml", http("api.github.com", 80), Code.PORT_UNREGISTERED),
    ("istio/03-static-endpoints.yaml", tcp("192.168.1.100", 5432), Code.REGISTERED),
    ("istio/04-egress-gateway.yaml", tls("api.github.com"), Code.REGISTERED),
    ("istio/04-egress-gateway.yaml", tls("other.example"), Code.UNREGISTERED),
    ("istio/05-tls-origination.yaml", http("api.external.example", 80), Code.REGISTERED),
    ("istio/06-mutual-tls.yaml", http("secure-api.partner.example", 80), Code.REGISTERED),
    ("istio/07-authorization.yaml", tls("api.github.com", caller=by("default", "frontend")), Code.REGISTERED),
    ("istio/07-authorization.yaml", tls("api.github.com", caller=by("default", "processor")), Code.REFUSED_BY_RULE),
    ("istio/07-authorization.yaml", tcp("192.168.1.100", 5432, caller=by("data", "etl")), Code.REGISTERED),
    ("istio/07-authorization.yaml", tcp("192.168.1.100", 5432, caller=by("default", "frontend")), Code.REFUSED_BY_RULE),
    (
        "istio/08-production.yaml",
        tls("api.payments.example", caller=by("production", "payment-service")),
        Code.REGISTERED,
    ),
    ("istio/08-production.yaml", tls("api.payments.example", caller=by("production", "web")), Code.REFUSED_BY_RULE),
    ("istio/08-production.yaml", tls("api.payments.example", caller=by("dev", "payment-service")), Code.NOT_EXPORTED),
    ("istio/09-sidecar.yaml", http("one.apis.example", caller=WEB), Code.REGISTERED),
    ("istio/09-sidecar.yaml", http("two.apis.example", caller=WEB), Code.NOT_EXPORTED),
    ("istio/09-sidecar.yaml", http("two.apis.example", caller=by("dev", "web")), Code.REGISTERED),
]


def example(name):
    """An example, loaded leniently: the certificates that it names are mounted where it is used."""
    policy = load([EXAMPLES / name], Setting(strict=False))
    assert all(problem.severity is Severity.WARNING for problem in policy.problems)
    return policy


@pytest.mark.parametrize(("name", "attempt", "code"), CASES)
def test_an_example_decides_as_it_says(name, attempt, code):
    assert decide(example(name), attempt).code is code


@pytest.mark.parametrize("name", FILES)
def test_every_example_is_strictly_valid_but_for_files_that_are_mounted_and_has_a_case(name):
    problems = [problem for problem in example(name).problems if "not yet applied" in problem.what]
    assert problems == []
    assert name in {case[0] for case in CASES}


def shipped():
    return load([SHIPPED], Setting())


def test_the_shipped_registry_is_strictly_valid_without_a_warning():
    assert [str(problem) for problem in shipped().problems] == []


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (http("api.github.com"), Code.REGISTERED),
        (http("api.github.com", method="DELETE"), Code.REFUSED_BY_RULE),
        (http("api.github.com", 80), Code.PORT_UNREGISTERED),
        (http("api.weather.example", 80), Code.REGISTERED),
        (tls("login.example.com"), Code.REGISTERED),
        (http("evil.example"), Code.UNREGISTERED),
        (http("web.prod.svc.cluster.local", 80), Code.INTERNAL),
        (tcp("203.0.113.9", 5432), Code.UNREGISTERED),
    ],
)
def test_the_shipped_registry_decides_as_it_says(attempt, code):
    assert decide(shipped(), attempt).code is code


def test_the_shipped_registry_shows_a_dry_run():
    assert decide(shipped(), http("api.github.com", caller=by("prod", "job"))).shadows
    assert not decide(shipped(), http("api.github.com", caller=WEB)).shadows


def test_tls_is_decrypted_and_tunnelled_as_the_shipped_comments_say():
    assert treat(shipped(), tls("api.github.com")) == "DECRYPT"
    assert treat(shipped(), tls("login.example.com")) == "TUNNEL"


def test_the_origination_example_goes_out_by_tls_on_443():
    port = decide(example("istio/05-tls-origination.yaml"), http("api.external.example", 80)).port
    assert port.upstream.port == 443
    assert port.upstream.tls.sni == "api.external.example"


def test_the_mutual_tls_examples_present_their_certificates():
    istio = decide(example("istio/06-mutual-tls.yaml"), http("secure-api.partner.example", 80)).port
    native = decide(example("native/mutual-tls.yaml"), http("api.partner.example", 80)).port
    assert istio.upstream.tls.client_certificate == "/etc/outgate/certs/client.crt"
    assert native.upstream.tls.client_certificate == str(EXAMPLES / "native" / "certs" / "partner.crt")
    assert istio.upstream.port == native.upstream.port == 443


def test_the_static_example_dials_its_endpoints():
    decision = decide(example("istio/03-static-endpoints.yaml"), tcp("192.168.1.101", 5432))
    assert decision.traffic is Traffic.REGISTERED
    assert decision.port.upstream.resolution is Resolution.STATIC
    assert [endpoint.address for endpoint in decision.port.upstream.endpoints] == ["192.168.1.100", "192.168.1.101"]
