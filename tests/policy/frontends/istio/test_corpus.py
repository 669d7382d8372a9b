"""Istio's own documents, valid and invalid, as far as their kinds are read.

They lie beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.problems import PolicyError, Problem, Severity

KINDS = frozenset(
    {
        "ServiceEntry",
        "DestinationRule",
        "Sidecar",
        "AuthorizationPolicy",
        "VirtualService",
        "Gateway",
        "IstioOperator",
        "WorkloadEntry",
        "PeerAuthentication",
        "RequestAuthentication",
        "EnvoyFilter",
        "Telemetry",
    }
)
CHECKED = KINDS - {"PeerAuthentication", "RequestAuthentication"}
"""Kinds whose fields are read. Of the others no error can be found yet."""

ANALYSED = "made for an analyser, not for the validator, which refuses it: "
SKIPPED = {
    "istio/analyze-conflicting-gateways-invalid-port.yaml": ANALYSED + "a server without a port",
    "istio/analyze-sidecar-default-selector.yaml": ANALYSED + "Sidecars that say nothing",
    "istio/analyze-virtualservice-internal-gateway-ref.yaml": ANALYSED + "the name of a generated gateway",
    "istio/analyze-authorizationpolicies.yaml": ANALYSED + "a wildcard host resolved by DNS",
    "istio/analyze-virtualservice-host-not-found-gateway.yaml": ANALYSED + "one port name twice in a Gateway",
    "istio/analyze-envoy-filter-remove-operation.yaml": ANALYSED + "listeners matched for a route configuration",
    "istio/analyze-k8sgateway-selector.yaml": ANALYSED + "a Telemetry that selects in two ways",
    "istio/invalid/vt-telemetry-tracing-with-a-nil-custom-tag.yaml": "the tag without a value is lost in it",
    "istio/ref-authz-10-ext-authz.yaml": "CUSTOM is refused by design: the gate asks no authorizer",
}
UNJUDGED = {
    "empty-list": "an explicit empty list and an absent one are the same to protobuf",
    "needs-other-object": "wrong only beside an object that is not there",
    "upstream-test-disabled": "the project itself does not test it",
    "placeholder-fields": "values to be filled in",
}
"""Caveats of the index that leave nothing to judge. Documents that depend on their metadata have it, and are judged."""

EXPECTED = {
    "crd-authz-service-account-and-namespace": "spec.rules[0].from[0].source.serviceAccounts",
    "crd-authz-service-account-and-namespace-principal": "spec.rules[0].from[0].source.serviceAccounts",
    "crd-destinationrule-bookinfo-ratings": "spec.trafficPolicy.loadBalancer.warmup.minimumPercent",
    "crd-destinationrule-bookinfo-ratings-3": "spec.trafficPolicy.loadBalancer.warmup.aggression",
    "crd-serviceentry-bad-cidr-resolution": "spec.addresses[0]",
    "crd-serviceentry-bad-host-wildcard": "spec.hosts[0]",
    "crd-serviceentry-bad-port-target": "spec.ports[0].targetPort",
    "crd-serviceentry-bad-selector-value": "spec.workloadSelector.labels.val",
    "crd-serviceentry-dns-rr-with-multiple-endpoints": "spec.endpoints",
    "crd-serviceentry-missing-host": "spec.hosts",
    "crd-serviceentry-no-spec": "spec",
    "crd-serviceentry-none-with-endpoints": "spec.endpoints",
    "crd-serviceentry-selector-and-endpoints": "spec.workloadSelector",
    "crd-telemetry-bad-tag-upsert": "spec.metrics[0].overrides[0].tagOverrides.foo.value",
    "crd-workloadentry-missing-address": "spec.address",
    "crd-workloadentry-uds-with-ports": "spec.ports",
    "vt-authorizationpolicy-condition-notvalue-invalid": "spec.rules[0].when[0].notValues[0]",
    "vt-authorizationpolicy-condition-unknown": "spec.rules[0].when[0].key",
    "vt-authorizationpolicy-condition-value-missing": "spec.rules[0].when[0]",
    "vt-authorizationpolicy-custom-nil-provider": "spec.provider.name",
    "vt-authorizationpolicy-dry-run-invalid-action-audit": "metadata.annotations.istio.io/dry-run",
    "vt-authorizationpolicy-dry-run-invalid-action-custom": "metadata.annotations.istio.io/dry-run",
    "vt-authorizationpolicy-dry-run-invalid-value": "metadata.annotations.istio.io/dry-run",
    "vt-authorizationpolicy-hosts-empty": "spec.rules[0].to[0].operation.hosts[1]",
    "vt-authorizationpolicy-invalid-ip-and-port-in-remoteipblocks": "spec.rules[0].from[0].source.remoteIpBlocks[1]",
    "vt-authorizationpolicy-notipblocks-empty": "spec.rules[0].from[0].source.notIpBlocks[1]",
    "vt-authorizationpolicy-notmethods-empty": "spec.rules[0].to[0].operation.notMethods[1]",
    "vt-authorizationpolicy-notnamespaces-empty": "spec.rules[0].from[0].source.notNamespaces[1]",
    "vt-authorizationpolicy-notpaths-empty": "spec.rules[0].to[0].operation.notPaths[1]",
    "vt-authorizationpolicy-notrequestprincipals-empty": "spec.rules[0].from[0].source.notRequestPrincipals[1]",
    "vt-authorizationpolicy-operation-nil": "spec.rules[0].to[0].operation",
    "vt-authorizationpolicy-paths-empty": "spec.rules[0].to[0].operation.paths[1]",
    "vt-authorizationpolicy-ports-empty": "spec.rules[0].to[0].operation.ports[1]",
    "vt-authorizationpolicy-principals-empty": "spec.rules[0].from[0].source.principals[1]",
    "vt-authorizationpolicy-provider-wrong-action": "spec.provider",
    "vt-authorizationpolicy-selector-empty-key": "spec.selector.matchLabels.",
    "vt-authorizationpolicy-selector-wildcard-key": "spec.selector.matchLabels.app-*",
    "vt-authorizationpolicy-selector-wildcard-value": "spec.selector.matchLabels.app",
    "vt-authorizationpolicy-serviceaccounts-empty": "spec.rules[0].from[0].source.serviceAccounts[1]",
    "vt-authorizationpolicy-target-ref-empty-name": "spec.targetRef.name",
    "vt-authorizationpolicy-target-ref-wrong-group": "spec.targetRef.group",
    "vt-authorizationpolicy-target-refs-and-selector-cannot-both-be-set": "spec.targetRefs",
    "vt-connectionpool-invalid-connection-pool-bad-max-concurrent-streams": (
        "spec.trafficPolicy.connectionPool.http.maxConcurrentStreams"
    ),
    "vt-connectionpool-invalid-connection-pool-bad-max-connections": (
        "spec.trafficPolicy.connectionPool.tcp.maxConnections"
    ),
    "vt-connectionpool-invalid-connection-pool-bad-max-pending-requests": (
        "spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests"
    ),
    "vt-destinationrule-duplicate-subset-names": "spec.subsets[1].name",
    "vt-destinationrule-insecureskipverify-is-set-true-with-tls-mode-simple-2": "spec.trafficPolicy.tls.caCertificates",
    "vt-destinationrule-missing-subset-name": "spec.subsets[0].name",
    "vt-envoyfilter-invalid-patch-operation": "spec.configPatches[0].patch.operation",
    "vt-envoyfilter-invalid-patch-value": "spec.configPatches[0].patch.value.fields.name.kind",
    "vt-envoyfilter-listener-with-invalid-match": "spec.configPatches[0].match.cluster",
    "vt-envoyfilter-listener-with-sub-filter-match-and-invalid-applyto": (
        "spec.configPatches[0].match.listener.filterChain.filter.subFilter"
    ),
    "vt-fault-abort-grpc-invalid-fractional-percent": "spec.http[0].fault.abort.percentage.value",
    "vt-fault-abort-grpc-invalid-status": "spec.http[0].fault.abort.grpcStatus",
    "vt-fault-abort-invalid-http-status": "spec.http[0].fault.abort.httpStatus",
    "vt-fault-abort-invalid-low-http-status": "spec.http[0].fault.abort.httpStatus",
    "vt-fault-delay-invalid-delay": "spec.http[0].fault.delay.fixedDelay",
    "vt-fault-delay-invalid-fractional-percentage": "spec.http[0].fault.delay.percentage.value",
    "vt-fault-delay-invalid-percent": "spec.http[0].fault.delay.percentage.value",
    "vt-gateway-empty": "spec.servers",
    "vt-gateway-happy-k8s-gateway-api-server-with-no-attached-routes": "spec.servers[0].hosts[0]",
    "vt-gateway-invalid-domain": "spec.servers[0].hosts[0]",
    "vt-gateway-invalid-partial-wildcard": "spec.servers[0].hosts[0]",
    "vt-gateway-invalid-port": "spec.servers[0].port.number",
    "vt-httproute-conflicting-redirect-and-route": "spec.http[0].route",
    "vt-httproute-empty": "spec.http[0]",
    "vt-httproute-empty-header-name-response-add": "spec.http[0].route[0].headers.response.add.",
    "vt-httproute-empty-header-name-response-remove": "spec.http[0].route[0].headers.response.remove[0]",
    "vt-httproute-envoy-unescaped-set": "spec.http[0].route[0].headers.response.set.name",
    "vt-httproute-prefix-rewrite-redirect-with-exact-uri-match-is-invalid": "spec.http[0].redirect.prefixRewrite",
    "vt-httproute-prefix-rewrite-redirect-with-regex-uri-match-is-invalid": "spec.http[0].redirect.prefixRewrite",
    "vt-outlier-invalid-outlier-detection-panic-threshold-too-high": (
        "spec.trafficPolicy.outlierDetection.minHealthPercent"
    ),
    "vt-outlier-invalid-outlier-detection-panic-threshold-too-low": (
        "spec.trafficPolicy.outlierDetection.minHealthPercent"
    ),
    "vt-redirect-empty-uri-and-authority": "spec.http[0].redirect",
    "vt-redirect-too-large-redirect-code": "spec.http[0].redirect.redirectCode",
    "vt-retry-invalid-backoff": "spec.http[0].retries.backoff",
    "vt-retry-invalid-policy-retryon": "spec.http[0].retries.retryOn",
    "vt-retry-timeout-too-small": "spec.http[0].retries.perTryTimeout",
    "vt-rewrite-no-uri-uriregexrewrite-or-authority": "spec.http[0].rewrite",
    "vt-serviceentry-bad-hosts": "spec.hosts[0]",
    "vt-serviceentry-bad-selector-key": "spec.workloadSelector.labels.",
    "vt-serviceentry-discovery-type-dns-non-fqdn-endpoint": "spec.endpoints[0].address",
    "vt-serviceentry-discovery-type-dns-non-fqdn-host": "spec.hosts[0]",
    "vt-serviceentry-discovery-type-dns-unix-endpoint": "spec.endpoints[0].address",
    "vt-serviceentry-discovery-type-dns-with-addresses-nil-port": "spec.ports[0]",
    "vt-serviceentry-discovery-type-dynamic-dns-nil-port": "spec.ports[0]",
    "vt-serviceentry-discovery-type-none-conflicting-port-names": "spec.ports[1].name",
    "vt-serviceentry-discovery-type-none-endpoints-provided": "spec.endpoints",
    "vt-serviceentry-discovery-type-static-bad-endpoint-port-name": "spec.endpoints[1].ports.http-dne",
    "vt-serviceentry-discovery-type-static-fqdn-in-endpoints": "spec.endpoints[0].address",
    "vt-serviceentry-dns-round-robin-with-more-than-one-endpoint": "spec.endpoints",
    "vt-serviceentry-empty-hosts": "spec.hosts",
    "vt-serviceentry-full-wildcard-host": "spec.hosts[1]",
    "vt-serviceentry-invalid-endpoint-port": "spec.endpoints[0].ports.http-valid1",
    "vt-serviceentry-invalid-target-port": "spec.ports[0].targetPort",
    "vt-serviceentry-nil-port-in-ports-array": "spec.ports[0]",
    "vt-serviceentry-unix-socket-multiple-service-ports": "spec.ports",
    "vt-sidecar-bad-egress-host-2": "spec.egress[0].hosts[0]",
    "vt-sidecar-duplicate-ports": "spec.egress[1].port.number",
    "vt-sidecar-exclude-with-invalid-namespace": "spec.egress[0].hosts[1]",
    "vt-sidecar-ingress-tls-credentialname-is-not-supported-in-ipv6": "spec.ingress[0].tls.credentialName",
    "vt-sidecar-ingress-tls-httpredirect-is-not-supported-in-ipv4": "spec.ingress[0].tls.httpsRedirect",
    "vt-sidecar-ingress-tls-invalid-protocol-in-ipv4": "spec.ingress[0].port.protocol",
    "vt-sidecar-ingress-tls-mode-set-to-istio-auto-passthrough-in-ipv4": "spec.ingress[0].tls.mode",
    "vt-sidecar-ingress-tls-mode-set-to-istio-mutual-in-ipv4": "spec.ingress[0].tls.mode",
    "vt-sidecar-ingress-tls-san-entries-are-not-supported-in-ipv4": "spec.ingress[0].tls.subjectAltNames",
    "vt-sidecar-ingress-tls-san-entries-are-not-supported-in-ipv6": "spec.ingress[0].tls.subjectAltNames",
    "vt-sidecar-ingress-tls-tlscertificates-is-not-supported-in-ipv4": "spec.ingress[0].tls.tlsCertificates",
    "vt-sidecar-ingress-with-invalid-default-endpoint-port-in-ipv4": "spec.ingress[0].defaultEndpoint",
    "vt-sidecar-ingress-without-port": "spec.ingress[0].port",
    "vt-sidecar-ingress-without-port-and-with-ipv6-endpoint": "spec.ingress[0].port",
    "vt-sidecar-invalid-partial-wildcard": "spec.egress[0].hosts[0]",
    "vt-sidecar-invalid-port-level-connection-pool": "spec.ingress[0].connectionPool",
    "vt-sidecar-multiple-wildcard-egress": "spec.egress[0]",
    "vt-sidecar-sidecar-egress-proxy-with-allow-any-service-hostname-invali": (
        "spec.outboundTrafficPolicy.egressProxy.host"
    ),
    "vt-sidecar-sidecar-egress-proxy-without-port-with-allow-any": "spec.outboundTrafficPolicy.egressProxy.port",
    "vt-sidecar-wildcard-egress-not-in-end": "spec.egress[0]",
    "vt-telemetry-targetref-and-selector-cannot-both-be-set": "spec.targetRef",
    "vt-trafficpolicy-invalid-traffic-policy-missing-port-in-port-level-set": (
        "spec.trafficPolicy.portLevelSettings[0].port"
    ),
    "vt-trafficpolicy-invalid-traffic-policy-nil-entries": "spec.trafficPolicy",
    "vt-trafficpolicy-invalid-traffic-policy-panic-threshold-too-low": (
        "spec.trafficPolicy.outlierDetection.minHealthPercent"
    ),
    "vt-virtualservice-bad-host": "spec.hosts[0]",
    "vt-virtualservice-duplicate-hosts": "spec.hosts[1]",
    "vt-virtualservice-missing-tcp-route": "spec.tcp[0].route",
    "vt-virtualservice-namespace-for-gateway": "spec.gateways[0]",
    "vt-virtualservice-no-tcp-or-http-routing": "spec",
}
"""By file: the field that upstream's test is about. The index has it in words, if at all."""

SOURCE, OPERATION, INGRESS = "spec.rules[0].from[0].source", "spec.rules[0].to[0].operation", "spec.ingress[0]"
UNKNOWN_PORT = ("spec.endpoints[0].ports.http-valid2",)
PLAIN = (f"{INGRESS}.port.protocol",)
BARE = (f"{INGRESS}.tls.serverCertificate", f"{INGRESS}.tls.privateKey")
ALSO = {
    "crd-serviceentry-selector-and-endpoints": ("spec.endpoints",),
    "vt-authorizationpolicy-custom-nil-provider": ("spec.action",),
    "vt-authorizationpolicy-dry-run-invalid-action-custom": ("spec.action", "spec.rules", "spec.provider.name"),
    "vt-authorizationpolicy-invalid-ip-and-port-in-remoteipblocks": (
        f"{SOURCE}.notRemoteIpBlocks[1]",
        f"{OPERATION}.ports[1]",
        f"{OPERATION}.notPorts[1]",
    ),
    "vt-gateway-invalid-domain": ("spec.servers[0].port.name",),
    "vt-serviceentry-bad-hosts": UNKNOWN_PORT,
    "vt-serviceentry-discovery-type-dns-non-fqdn-endpoint": ("spec.endpoints[1].ports.http-dne",),
    "vt-serviceentry-empty-hosts": UNKNOWN_PORT,
    "vt-serviceentry-full-wildcard-host": UNKNOWN_PORT,
    "vt-sidecar-ingress-tls-credentialname-is-not-supported-in-ipv6": PLAIN,
    "vt-sidecar-ingress-tls-httpredirect-is-not-supported-in-ipv4": PLAIN + BARE,
    "vt-sidecar-ingress-tls-invalid-protocol-in-ipv4": BARE,
    "vt-sidecar-ingress-tls-mode-set-to-istio-auto-passthrough-in-ipv4": PLAIN,
    "vt-sidecar-ingress-tls-mode-set-to-istio-mutual-in-ipv4": PLAIN,
    "vt-sidecar-ingress-tls-san-entries-are-not-supported-in-ipv4": PLAIN + BARE,
    "vt-sidecar-ingress-tls-san-entries-are-not-supported-in-ipv6": PLAIN + BARE,
    "vt-sidecar-ingress-tls-tlscertificates-is-not-supported-in-ipv4": PLAIN,
    "vt-telemetry-targetref-and-selector-cannot-both-be-set": ("spec.targetRef.kind",),
}
"""By file: the other fields that are wrong in it, whatever the test is about."""


def corpus() -> Path | None:
    named = os.environ.get("MESH_CORPUS")
    return Path(named) if named else None


@cache
def index() -> tuple[dict, ...]:
    root = corpus()
    if root is None:
        return ()
    entries = json.loads((root / "index.json").read_text())
    return tuple(entry for entry in entries if entry["mesh"] == "istio" and set(entry["kinds"]) <= KINDS)


def judged(*, invalid: bool) -> list[dict]:
    """The files that can be judged; a wrong one must be of kinds whose fields are read."""
    kinds = CHECKED if invalid else KINDS
    return [
        entry
        for entry in index()
        if entry["invalid"] is invalid
        and set(entry["kinds"]) <= kinds
        and entry["rel"] not in SKIPPED
        and not UNJUDGED.keys() & set(entry["caveats"])
    ]


def found(entry: dict) -> list[Problem]:
    """The errors of a file, loaded leniently: what is valid and not yet applied is none."""
    text = (corpus() / entry["rel"]).read_text()
    try:
        documents = parse(text, entry["rel"])
    except PolicyError as error:
        return list(error.problems)
    frontend = IstioFrontend()
    assert all(frontend.claims(document) for document in documents)
    problems = frontend.translate(documents, Setting(strict=False)).problems
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def expected(entry: dict) -> set[str]:
    """Every field that an invalid file is wrong in."""
    return {EXPECTED[name(entry)], *ALSO.get(name(entry), ())}


def refused(entry: dict) -> set[str]:
    return {problem.field for problem in found(entry)}


def name(entry: dict) -> str:
    return Path(entry["rel"]).stem


needs_corpus = pytest.mark.skipif(corpus() is None, reason="MESH_CORPUS names no directory of mesh documents")


@needs_corpus
@pytest.mark.parametrize("entry", judged(invalid=False), ids=name)
def test_a_valid_file_loads(entry):
    assert [str(problem) for problem in found(entry)] == []


@needs_corpus
@pytest.mark.parametrize("entry", judged(invalid=True), ids=name)
def test_an_invalid_file_is_refused_on_its_field_and_no_other(entry):
    assert refused(entry) == expected(entry), entry["err"]


@needs_corpus
def test_every_problem_has_a_place():
    """Each error names a line of its file."""
    for entry in judged(invalid=True):
        for problem in found(entry):
            assert problem.where.file == entry["rel"]
            assert problem.where.line > 0


@needs_corpus
def test_the_counts_are_whole(capsys):
    """Prints how many valid files load and how many invalid ones are refused, apart."""
    valid, invalid = judged(invalid=False), judged(invalid=True)
    loading = sum(not found(entry) for entry in valid)
    rightly = sum(refused(entry) == expected(entry) for entry in invalid)
    with capsys.disabled():
        print(f"\nIstio corpus: valid {loading} of {len(valid)}, invalid {rightly} of {len(invalid)}")
        for kind in sorted(CHECKED):
            of_kind = [[entry for entry in entries if kind in entry["kinds"]] for entries in (valid, invalid)]
            fine = sum(not found(entry) for entry in of_kind[0])
            right = sum(refused(entry) == expected(entry) for entry in of_kind[1])
            print(f"  {kind}: valid {fine} of {len(of_kind[0])}, invalid {right} of {len(of_kind[1])}")
        for rel, reason in SKIPPED.items():
            print(f"  not judged: {rel}: {reason}")
    assert (loading, rightly) == (len(valid), len(invalid))
    assert valid
    assert invalid
