"""Sidecar: what is refused and where, and what workloads see by it."""

import pytest

from outgate.policy.model import Import, Mode, Scope
from policy.frontends.istio.istio_building import document, loaded, refused, warned


def sidecar(spec: str, namespace: str = "prod") -> str:
    return document("Sidecar", spec, namespace=namespace)


def egress(*hosts: str) -> str:
    listed = ", ".join(f"'{host}'" for host in hosts)
    return sidecar(f"{{egress: [{{hosts: [{listed}]}}]}}")


def scope(text: str, **gate: object) -> Scope:
    (made,) = loaded(text, **gate).scopes
    return made


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{}", "spec"),
        ("{workloadSelector: {labels: {app: web}}}", "spec"),
        ("{egress: [{}]}", "spec.egress[0].hosts"),
        ("{egress: [{hosts: []}]}", "spec.egress[0].hosts"),
        ("{egress: [{hosts: ['*']}]}", "spec.egress[0].hosts[0]"),
        ("{egress: [{hosts: ['/']}]}", "spec.egress[0].hosts[0]"),
        ("{egress: [{hosts: ['prod/short']}]}", "spec.egress[0].hosts[0]"),
        ("{egress: [{hosts: ['prod/*oo.example']}]}", "spec.egress[0].hosts[0]"),
        ("{egress: [{hosts: ['a_b/*']}]}", "spec.egress[0].hosts[0]"),
        ("{egress: [{hosts: ['~a_b/*']}]}", "spec.egress[0].hosts[0]"),
        ("{egress: [{hosts: ['./*']}, {hosts: ['./*']}]}", "spec.egress[0]"),
        ("{egress: [{hosts: ['./*']}, {hosts: ['./*'], port: {number: 80}}]}", "spec.egress[0]"),
        ("{egress: [{hosts: ['./*'], port: {number: 65536}}]}", "spec.egress[0].port.number"),
        ("{egress: [{hosts: ['./*'], port: {protocol: HTTP}}]}", "spec.egress[0].port.number"),
        ("{egress: [{hosts: ['./*'], port: {number: 80, protocol: X}}]}", "spec.egress[0].port.protocol"),
        ("{egress: [{hosts: ['./*'], port: {number: 80, name: 'a b'}}]}", "spec.egress[0].port.name"),
        ("{egress: [{hosts: ['./*'], port: {number: 80, targetPort: 1}}]}", "spec.egress[0].port.targetPort"),
        ("{egress: [{hosts: ['./*'], port: {number: 80}, bind: 'unix:///a'}]}", "spec.egress[0].bind"),
        ("{egress: [{hosts: ['./*'], port: {number: 80}, bind: here}]}", "spec.egress[0].bind"),
        ("{egress: [{hosts: ['./*'], port: {number: 0}, bind: 'unix://a'}]}", "spec.egress[0].bind"),
        ("{egress: [{hosts: ['./*'], port: {number: 0}, bind: 'unix:///a', captureMode: IPTABLES}]}",
         "spec.egress[0].captureMode"),
        ("{egress: [{hosts: ['./*'], port: {number: 80}}, {hosts: ['./*'], port: {number: 80}}]}",
         "spec.egress[1].port.number"),
        ("{egress: [{hosts: ['./*'], port: {}, bind: 'unix:///a'}, {hosts: ['./*'], port: {}, bind: 'unix:///a'}]}",
         "spec.egress[1].port.number"),
        ("{ingress: [{}]}", "spec.ingress[0].port"),
        ("{ingress: [{port: {}}]}", "spec.ingress[0].port.number"),
        ("{ingress: [{port: {number: 80}}, {port: {number: 80}}]}", "spec.ingress[1].port.number"),
        ("{ingress: [{port: {number: 80}, defaultEndpoint: '10.0.0.1:80'}]}", "spec.ingress[0].defaultEndpoint"),
        ("{ingress: [{port: {number: 80}, defaultEndpoint: '127.0.0.1:x'}]}", "spec.ingress[0].defaultEndpoint"),
        ("{ingress: [{port: {number: 80}, defaultEndpoint: 'unix://a'}]}", "spec.ingress[0].defaultEndpoint"),
        ("{ingress: [{port: {number: 80}, bind: 'unix:///a'}]}", "spec.ingress[0].bind"),
        ("{ingress: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]}", "spec.ingress[0].tls.mode"),
        ("{ingress: [{port: {number: 80}, tls: {httpsRedirect: true}}]}", "spec.ingress[0].tls.httpsRedirect"),
        ("{ingress: [{port: {number: 80}, tls: {credentialName: a}}]}", "spec.ingress[0].tls.credentialName"),
        ("{ingress: [{port: {number: 80, protocol: HTTP}, tls: {mode: SIMPLE}}]}", "spec.ingress[0].port.protocol"),
        ("{ingress: [{port: {number: 80}, tls: {mode: PASSTHROUGH}}]}", "spec.ingress[0].port.protocol"),
        ("{ingress: [{port: {number: 80}, connectionPool: {}}]}", "spec.ingress[0].connectionPool"),
        ("{inboundConnectionPool: {}}", "spec.inboundConnectionPool"),
        ("{outboundTrafficPolicy: {mode: SOME}}", "spec.outboundTrafficPolicy.mode"),
        ("{outboundTrafficPolicy: {egressProxy: {host: a.example, port: {number: 1}}}}",
         "spec.outboundTrafficPolicy.egressProxy"),
        ("{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.example}}}",
         "spec.outboundTrafficPolicy.egressProxy.port"),
        ("{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: '*.a', port: {number: 1}}}}",
         "spec.outboundTrafficPolicy.egressProxy.host"),
        ("{egress: [{hosts: ['./*']}], workloadSelector: {labels: {app: '*'}}}",
         "spec.workloadSelector.labels.app"),
    ],
)  # fmt: skip
def test_what_istio_refuses_is_refused_on_its_field(spec, field):
    assert field in refused(sidecar(spec), strict=False)


@pytest.mark.parametrize(
    "spec",
    [
        "{egress: [{hosts: ['./*'], port: {number: 0, protocol: HTTP}, bind: 'unix:///a'}, {hosts: ['./*']}]}",
        "{ingress: [{port: {number: 80, protocol: HTTP}, defaultEndpoint: ':80'}]}",
        "{ingress: [{port: {number: 80}, defaultEndpoint: '[::1]:80', bind: '::'}]}",
        "{ingress: [{port: {number: 80}, defaultEndpoint: 'unix://@a'}]}",
        "{ingress: [{port: {number: 80, protocol: tls}, tls: {mode: SIMPLE, serverCertificate: /a, privateKey: /b}}]}",
    ],
)
def test_what_istio_takes_is_taken(spec):
    assert refused(sidecar(spec), strict=False) == []


def test_the_mode_of_some_workloads():
    made = scope(
        sidecar("{workloadSelector: {labels: {b: '2', a: '1'}}, outboundTrafficPolicy: {mode: ALLOW_ANY}}", "web")
    )
    assert (made.namespace, made.labels, made.mode) == ("web", (("a", "1"), ("b", "2")), Mode.ALLOW_ANY)
    assert made.imports is None


def test_a_policy_without_a_mode_is_registry_only():
    """Protobuf's zero, whatever the mesh says."""
    assert scope(sidecar("{outboundTrafficPolicy: {}}")).mode is Mode.REGISTRY_ONLY


def test_without_a_policy_the_mesh_decides():
    assert scope(egress("./*")).mode is None


def test_what_is_imported():
    assert scope(egress("./*", "*/api.example", "shop/*.example")).imports == (
        Import(".", "*"),
        Import("*", "api.example"),
        Import("shop", "*.example"),
    )


def test_what_is_excluded():
    assert scope(egress("*/*", "~/a.example", "~shop/*", "~./b.example")).imports == (
        Import("*", "*"),
        Import("*", "a.example", excluded=True),
        Import("shop", "*", excluded=True),
        Import(".", "b.example", excluded=True),
    )


def test_the_root_namespaces_default_is_everybodys():
    assert scope(sidecar("{egress: [{hosts: ['./*']}]}", "istio-system")).namespace == ""
    assert scope(sidecar("{egress: [{hosts: ['./*']}]}", "roots"), root_namespace="roots").namespace == ""
    selecting = "{workloadSelector: {labels: {a: b}}, egress: [{hosts: ['./*']}]}"
    assert scope(sidecar(selecting, "istio-system")).namespace == "istio-system"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{egress: [{hosts: ['./*'], port: {number: 80, protocol: HTTP}}]}", "spec.egress[0].port"),
        ("{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.example, port: {number: 1}}}}",
         "spec.outboundTrafficPolicy.egressProxy"),
    ],
)  # fmt: skip
def test_what_would_show_more_or_lead_elsewhere_is_refused_when_strict(spec, field):
    assert refused(sidecar(spec)) == [field]
    assert refused(sidecar(spec), strict=False) == []


def test_what_comes_in_is_read_and_ignored():
    assert warned(sidecar("{ingress: [{port: {number: 80, protocol: HTTP}}]}")) == ""


def test_doubles_are_said():
    assert "is covered twice" in warned(egress("./a.example", "prod/a.example"))
    assert 'adds nothing to "*/*"' in warned(egress("*/*", "shop/a.example"))
    assert warned(egress("*/*", "~shop/a.example")) == ""


def test_a_selector_without_labels_is_said():
    assert "selects every workload" in warned(sidecar("{workloadSelector: {}, outboundTrafficPolicy: {}}"))


def test_http_settings_of_a_port_that_is_not_http_are_said():
    spec = "{ingress: [{port: {number: 80, protocol: TCP}, connectionPool: {http: {maxRetries: 1}}}]}"
    assert "has no effect on a port that is not HTTP" in warned(sidecar(spec))
