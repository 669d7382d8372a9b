"""The command's variables: whom its programs trust, and that no proxy leads them elsewhere."""

import ssl

import pytest

from outgate.exec import trust
from outgate.pki import pem
from outgate.pki.authority import create_authority


@pytest.fixture
def authority():
    return create_authority("test", 1)


def test_programs_trust_the_gate_and_what_they_trusted_before(authority, tmp_path):
    mine = create_authority("mine", 1)
    root = tmp_path / "mine.pem"
    root.write_bytes(pem.text(mine.certificate))
    found = trust.trusting(authority, tmp_path / "out", [root], {"JAVA_TOOL_OPTIONS": "-Xmx1g"})
    context = ssl.create_default_context(cafile=found["SSL_CERT_FILE"])
    subjects = {dict(pair[0] for pair in each["subject"]).get("commonName") for each in context.get_ca_certs()}
    assert {"test", "mine"} <= subjects
    assert found["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Djavax.net.ssl.trustStore=")
    assert {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"} <= found.keys()


def test_no_file_holds_the_key(authority, tmp_path):
    trust.trusting(authority, tmp_path, [], {})
    assert not any(b"PRIVATE KEY" in file.read_bytes() for file in tmp_path.iterdir())


def test_a_machine_without_roots_trusts_the_gate_alone(authority, tmp_path, monkeypatch):
    monkeypatch.setattr(trust, "system_roots", lambda: (_ for _ in ()).throw(trust.CertificateProblem("roots", "none")))
    found = trust.trusting(authority, tmp_path, [], {})
    assert len(ssl.create_default_context(cafile=found["SSL_CERT_FILE"]).get_ca_certs()) == 1


def test_proxies_are_forgotten_or_the_gate():
    environ = {"HTTP_PROXY": "http://elsewhere", "no_proxy": "*", "HOME": "/h", "JAVA_TOOL_OPTIONS": "-Xmx1g"}
    assert trust.without_proxies(environ) == {"HOME": "/h", "JAVA_TOOL_OPTIONS": "-Xmx1g"}
    asked = trust.through_proxy(environ, "127.0.0.1", 3128)
    assert asked["HTTP_PROXY"] == asked["https_proxy"] == asked["ALL_PROXY"] == "http://127.0.0.1:3128"
    assert "no_proxy" not in asked
    assert asked["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=3128")
