"""How an origin is dialled is written as it was said."""

import pytest
import yaml

from converting.rewritten import HEAD, native, spec

UPSTREAMS = (
    "{port: 8443, resolution: DNS, protocol: HTTP2, connectTimeout: 250ms}",
    "{resolution: STATIC, endpoints: [{address: 192.0.2.1}, {address: 192.0.2.2, port: 9, weight: 3, priority: 1}]}",
    "{resolution: DNS, endpoints: [{address: o.example, locality: eu/a, labels: {v: '1'}}]}",
    "{resolution: DNS, tls: {mode: SIMPLE}}",
    "{resolution: DNS, tls: {mode: MUTUAL, clientCertificate: /c.crt, privateKey: /c.key, caCertificates: /ca.crt}}",
    "{resolution: DNS, tls: {mode: SIMPLE, sni: s.example, subjectAltNames: [a.example, {kind: PREFIX, value: p}]}}",
    "{resolution: DNS, tls: {mode: SIMPLE, crl: /crl.pem, caCertificates: /ca.crt, verification: SKIP_SAN}}",
    "{resolution: DNS, tls: {mode: SIMPLE, minVersion: TLSv1.2, maxVersion: TLSv1.3}}",
)


@pytest.mark.parametrize("said", UPSTREAMS)
def test_an_upstream_is_written_as_it_was_said(said):
    destination = f"{{hosts: [a.example], ports: [{{number: 80, protocol: HTTP, upstream: {said}}}]}}"
    (port,) = spec(HEAD + native("EgressDestination", destination), "EgressDestination")["ports"]
    assert port["upstream"] == yaml.safe_load(said)


def test_endpoints_of_the_document_are_each_ports_own():
    said = "{hosts: [a.example], endpoints: [{address: 192.0.2.1}], ports: [{number: 80, protocol: HTTP}]}"
    found = spec(HEAD + native("EgressDestination", said), "EgressDestination")
    assert found["ports"][0]["upstream"] == {"resolution": "STATIC", "endpoints": [{"address": "192.0.2.1"}]}
