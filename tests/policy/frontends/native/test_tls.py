"""The `tls` block: every field reaches the model, and contradictions are refused."""

from base64 import b64encode

import pytest

from outgate.policy import compile as compilation
from outgate.policy.frontends import Setting
from outgate.policy.model import NameKind, SubjectName, Verification
from outgate.problems import Severity
from policy.building import documents, problems

HEAD = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDestination\nmetadata: {name: d}\nspec:\n  hosts: [a.example]\n"
PIN = "ab" * 32


def text(tls, port="number: 80, protocol: HTTP"):
    return f"{HEAD}  ports: [{{{port}, upstream: {{port: 443, tls: {tls}}}}}]"


def block(tls, **more):
    """The compiled block; files need not be there."""
    policy = compilation.compile(documents(text(tls, **more), "/etc/outgate/d.yaml"), Setting(strict=False))
    return policy.destinations[0].ports[0].upstream.tls


def errors(tls, **more):
    return [str(problem) for problem in problems(text(tls, **more), strict=False) if problem.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("tls", "field", "value"),
    [
        ("{mode: SIMPLE}", "mutual", False),
        ("{mode: MUTUAL, clientCertificate: c, privateKey: k}", "mutual", True),
        ("{clientCertificate: c, privateKey: k}", "client_certificate", "/etc/outgate/c"),
        ("{clientCertificate: c, privateKey: ../k}", "private_key", "/etc/k"),
        ("{caCertificates: /ca}", "ca", "/ca"),
        ("{crl: crl}", "crl", "/etc/outgate/crl"),
        ("{sni: API.Example.}", "sni", "api.example"),
        ("{subjectAltNames: [spiffe://x/y]}", "names", (SubjectName(NameKind.EXACT, "spiffe://x/y"),)),
        ("{subjectAltNames: [{kind: dns, value: b.example}]}", "names", (SubjectName(NameKind.DNS, "b.example"),)),
        (f"{{pins: [{PIN.upper()}]}}", "pins", (PIN,)),
        (f"{{pins: ['{b64encode(bytes.fromhex(PIN)).decode()}']}}", "pins", (PIN,)),
        ("{verification: SKIP_SAN}", "verification", Verification.SKIP_SAN),
        ("{insecureSkipVerify: true}", "verification", Verification.SKIP_ALL),
        ("{insecureSkipVerify: false}", "verification", Verification.FULL),
        ("{minVersion: TLSv1.3}", "minimum_version", "TLSv1.3"),
        ("{maxVersion: tlsv1.2}", "maximum_version", "TLSv1.2"),
    ],
)
def test_a_field_is_applied(tls, field, value):
    assert getattr(block(tls), field) == value


def test_disable_is_no_tls():
    assert block("{mode: DISABLE}") is None


def test_the_block_knows_its_place():
    assert block("{mode: SIMPLE}").source.field == "spec.ports[0].upstream.tls"


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ("{mode: MUTUAL}", "tls.clientCertificate: mutual TLS needs certificate and key"),
        ("{mode: MUTUAL, clientCertificate: c}", "tls.privateKey: mutual TLS needs"),
        ("{privateKey: k}", "tls.clientCertificate: mutual TLS needs"),
        ("{mode: SIMPLE, clientCertificate: c, privateKey: k}", "is not sent with mode SIMPLE"),
        ("{mode: DISABLE, sni: a.example}", "means nothing with mode DISABLE"),
        ("{minVersion: TLSv1.3, maxVersion: TLSv1.2}", "is above maxVersion"),
        ("{minVersion: TLSv1.1}", '"TLSv1.1" is not known'),
        ("{pins: [abc]}", "is no SHA-256"),
        ("{sni: '*.example'}", "tls.sni"),
        ("{subjectAltNames: [{kind: IP, value: x}]}", '"IP" is not known'),
        ("{subjectAltNames: [{kind: DNS}]}", "value: required"),
        ("{verification: FULL, insecureSkipVerify: true}", "insecureSkipVerify says otherwise"),
        ("{caCertificate: x}", 'did you mean "caCertificates"?'),
        ("{mode: ISTIO_MUTUAL}", "is not known"),
    ],
)
def test_contradictions_are_refused(tls, says):
    assert any(says in line for line in errors(tls)), errors(tls)


@pytest.mark.parametrize("tls", ["{insecureSkipVerify: true}", "{verification: SKIP_CA}"])
def test_less_verification_is_loud(tls):
    assert any("SERVERS ARE NOT FULLY VERIFIED" in problem.what for problem in problems(text(tls)))


def test_tls_around_a_tunnel_is_refused_and_around_bytes_is_not():
    assert any("TLS already" in line for line in errors("{mode: SIMPLE}", port="number: 443, protocol: TLS"))
    assert any("TLS already" in line for line in errors("{}", port="number: 443, protocol: HTTPS, intercept: TUNNEL"))
    assert block("{mode: SIMPLE}", port="number: 443, protocol: TCP") is not None
    assert block("{mode: SIMPLE}", port="number: 443, protocol: TLS, intercept: DECRYPT") is not None


def test_decrypted_traffic_is_not_sent_in_the_clear():
    assert any("in the clear" in line for line in errors("{mode: DISABLE}", port="number: 443, protocol: HTTPS"))
    conflicting = f"{HEAD}  ports: [{{number: 80, upstream: {{protocol: HTTPS, tls: {{mode: DISABLE}}}}}}]"
    assert any("is DISABLE, and upstream.protocol is HTTPS" in problem.what for problem in problems(conflicting))


def test_a_missing_file_is_an_error_when_strict():
    found = problems(text("{caCertificates: /absent/ca.pem}"))
    assert [str(p) for p in found if "/absent/ca.pem: no such file" in p.what and p.severity is Severity.ERROR]
