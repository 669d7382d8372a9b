"""The file of the injection: what it says, and the line of what is wrong with it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from outgate.injection import config
from outgate.injection.settings import Engine, Form, Mode, Mounted, Redirect, Resources, Settings, Unconfined
from outgate.netfilter.backend import Kind
from outgate.netfilter.options import Ports
from outgate.problems import PolicyError

WHOLE = """
image: registry.example/outgate:1.0
imagePullPolicy: Always
engine: mitmdump
sidecar: classic
mode: transparent
uid: 1500
listenPort: 16001
adminPort: 16000
metricsPort: 16090
dns: true
dnsPort: 16053
policy: [base, team]
authority: {secret: ca, certificate: ca.crt, key: ca.key}
trust: {path: /trust, configMap: roots, alsoTrusted: next}
redirect: {ports: all, excludePorts: [22, 8000-8100], excludeCIDRs: "10.0.0.0/8,fd00::/8", ipv6: false, backend: legacy}
secrets:
  - {secret: partner, path: /etc/istio/external-certs, optional: true}
settings: {strict: false, trace_sampling: 0.5}
environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318"}
trustDomain: cluster.local
resources: {requests: {cpu: 1}, limits: {memory: 1Gi}}
drainSeconds: 20
lingerSeconds: 3
annotations: [mode, ports]
unconfined: refuse
"""


def test_every_name_of_the_file_is_read():
    read = config.from_text(WHOLE, "inject.yaml")
    assert (read.engine, read.sidecar, read.mode) == (Engine.MITMDUMP, Form.CLASSIC, Mode.TRANSPARENT)
    assert read.ports == {"listenPort": 16001, "adminPort": 16000, "metricsPort": 16090, "dnsPort": 16053}
    assert read.policy == ("base", "team")
    assert (read.authority.secret, read.authority.certificate, read.authority.key) == ("ca", "ca.crt", "ca.key")
    assert (read.trust.path, read.trust.config_map, read.trust.also_trusted) == ("/trust", "roots", "next")
    assert read.redirect == Redirect(
        (),
        (Ports(22, 22), Ports(8000, 8100)),
        (ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
        ipv6=False,
        backend=Kind.LEGACY,
    )
    assert read.secrets == (Mounted("partner", "/etc/istio/external-certs", optional=True),)
    assert read.settings == {"strict": "false", "trace_sampling": "0.5"}
    assert read.resources == Resources({"cpu": "1"}, {"memory": "1Gi"})
    assert (read.drain_seconds, read.linger_seconds, read.trust_domain) == (20, 3, "cluster.local")
    assert (read.annotations, read.unconfined, read.uid) == (("mode", "ports"), Unconfined.REFUSE, 1500)


def test_an_empty_file_is_the_defaults():
    assert config.from_text("# nothing is asked\n", "inject.yaml") == Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("imag: x", 'inject.yaml:1:1: imag: unknown field; did you mean "image"?'),
        ("engine: envoy", 'inject.yaml:1:9: engine: "envoy" is not known; use one of outgate, mitmdump'),
        ("uid: 0", "inject.yaml:1:6: uid: 0 is out of range; use 1 to 4294967294"),
        ("policy: []", "inject.yaml:1:1: policy: is empty, so there would be none; name a ConfigMap"),
        ("redirect: {excludePorts: [http]}", "port 'http' is not a number; use 443 or 8000-8100"),
        ("redirect: {excludeCIDRs: 0.0.0.0/0}", "would exempt every address"),
        ("redirect: {ports: {a: b}}", "redirect.ports: expected texts or numbers; write them as a list"),
        ("resources: {limits: {cpu: lots}}", 'resources.limits.cpu: "lots" is no quantity; write one such as 100m'),
        ("listenPort: 15000", "adminPort: 15000 is listenPort already; use a port of its own"),
        ("mode: regular\ndns: true", "inject.yaml:2:6: dns: in regular mode nothing leads"),
        ("environment: {OUTGATE_REDIS: x}", 'environment.OUTGATE_REDIS: is a setting of the gate; write it under "set'),
        ("settings: {policy: /x}", 'settings.policy: is made by the injection; set "policy" here'),
        ("settings: {workload_namespace: x}", "leave it out: the pod's own are used"),
        ("settings: {trace_samplin: 1}", 'unknown setting "trace_samplin"; did you mean "trace_sampling"?'),
        ("settings: {access_log: [a]}", "settings.access_log: expected a text, a number, true or false"),
        ("engine: mitmdump\nsettings: {workers: 2}", "settings.workers: mitmdump is one process"),
        ("secrets: [{secret: a}]", "secrets[0].path: required value is missing; add it"),
        ("trust: {path: trust}", '"trust" is not valid; write an absolute path'),
        ("image: a\n---\nimage: b", "inject.yaml:3:1: a second document; write all settings into one"),
        ("annotations: [modes]", 'annotations[0]: "modes" is not known; did you mean "mode"?'),
        ("image: [", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, told):
    with pytest.raises(PolicyError) as caught:
        config.from_text(text, "inject.yaml")
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        config.load(tmp_path / "none.yaml")
