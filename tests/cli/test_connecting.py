"""`explain --connect` goes where the gate would go, with its checks and certificates, and says what happened there."""

import json
import os
import socket
import ssl

import pytest

from upstream.authorities import Authority
from upstream.origins import LIMIT, Demanding

POLICY = """
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDefaults
    metadata: {{name: mesh}}
    spec: {{mode: REGISTRY_ONLY}}
    ---
    apiVersion: outgate.dev/v1alpha1
    kind: EgressDestination
    metadata: {{name: partner}}
    spec:
      hosts: [{host}]
      {places}
      ports:
        - number: 80
          protocol: HTTP
          upstream:
            port: {port}
            {tls}
"""
HERE = "allowAddresses: [127.0.0.0/8, '::1/128']"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"), "partner-ca")


@pytest.fixture(scope="module")
def good(ca):
    return ca.issue("good", dns=("good.example",))


@pytest.fixture(scope="module")
def client(ca):
    return ca.issue("client")


@pytest.fixture
def demanding(ca, good):
    """Makes servers that ask for a client certificate."""
    made = []

    def make(version, **given):
        made.append(Demanding(good, ca.path, version, **given))
        return made[-1]

    yield make
    for server in made:
        server.close()


def write(terminal, port, tls="", host="localhost", places=HERE):
    terminal.write("policy/a.yaml", POLICY.format(host=host, places=places, port=port, tls=tls))


def mutual(ca, client, sni="good.example"):
    pair = f", mode: MUTUAL, clientCertificate: {client.certificate}, privateKey: {client.key}" if client else ""
    return f"tls: {{caCertificates: {ca.path}, sni: {sni}{pair or ', mode: SIMPLE'}}}"


def connection(result) -> list[str]:
    """The lines of the last section, with single spaces."""
    _, _, told = result.stdout.rpartition("\nconnection\n")
    return [" ".join(line.split()) for line in told.splitlines()]


def listener():
    made = socket.create_server(("127.0.0.1", 0))
    made.settimeout(LIMIT)
    return made


def test_a_plain_connection_is_told_step_by_step(terminal):
    with listener() as server:
        write(terminal, server.getsockname()[1])
        result = terminal.run("explain", "GET", "http://localhost/", "--connect")
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(LIMIT)
            assert accepted.recv(1) == b"", "nothing is sent"
    assert (result.exit_code, result.stderr) == (0, "")
    told = connection(result)
    assert told[0].startswith("resolve localhost has ")
    assert "127.0.0.1 may be dialled" in told
    assert any(line.startswith(f"dial 127.0.0.1:{server_port(told)} accepted in ") for line in told)
    assert told[-1].endswith("; nothing was sent")


def server_port(told):
    return told[-1].split(" port ")[1].split(";")[0]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_client_certificate_of_the_policy_is_given_where_it_is_asked_for(terminal, demanding, ca, client, version):
    server = demanding(version, required=True)
    write(terminal, server.port, mutual(ca, client))
    result = terminal.run("explain", "GET", "http://localhost/", "--connect")
    assert result.exit_code == 0, result.output
    assert server.next().certificates == ["client"]
    told = connection(result)
    assert any(line.startswith(f"TLS {version}, ") and "ALPN none agreed on" in line for line in told)
    assert "server CN=good; DNS:good.example" in told
    assert "issuer CN=partner-ca" in told
    assert any(line.startswith("valid 20") and line.endswith("days left)") for line in told)
    assert f"ours a client certificate was asked for, and {client.certificate} given" in told


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_server_that_wants_a_certificate_that_is_not_there_is_told_of(terminal, demanding, ca, version):
    server = demanding(version, required=True)
    write(terminal, server.port, mutual(ca, None))
    result = terminal.run("explain", "GET", "http://localhost/", "--connect")
    assert result.exit_code == 1
    told = connection(result)
    assert any(line.startswith(f"dial 127.0.0.1:{server.port} accepted") for line in told)
    assert "ours a client certificate was asked for, and there is none to give" in told
    assert told[-1].startswith("failed ")
    assert server.next().certificates == []


def test_a_server_of_another_name_is_told_of_and_sees_no_certificate(terminal, demanding, ca, client):
    server = demanding("TLSv1.3")
    write(terminal, server.port, mutual(ca, client, sni="other.example"))
    result = terminal.run("explain", "GET", "http://localhost/", "--connect")
    assert result.exit_code == 1
    told = connection(result)
    assert "server CN=good; DNS:good.example" in told
    assert told[-1].startswith("failed identity_failed: ")
    assert "accepted is DNS:other.example" in told[-1]
    assert f"ours a client certificate was asked for, and {client.certificate} not given" in told
    assert server.next().certificates == []


def test_a_server_of_another_authority_is_told_of(terminal, demanding, tmp_path):
    server = demanding("TLSv1.3")
    folder = tmp_path / "other"
    folder.mkdir()
    write(terminal, server.port, mutual(Authority(folder, "other-ca"), None))
    told = connection(terminal.run("explain", "GET", "http://localhost/", "--connect"))
    assert told[-1].startswith("failed tls_failed: the certificate of localhost:")


def test_each_address_is_checked_and_none_that_is_refused_is_dialled(terminal):
    with listener() as server:
        write(terminal, server.getsockname()[1], places="")
        result = terminal.run("explain", "GET", "http://localhost/", "--connect")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.exit_code == 1
    told = connection(result)
    assert "127.0.0.1 is refused: 127.0.0.1 is a loopback address, which no entry names" in told
    assert told[-1].startswith("failed address_refused: ")


def test_what_is_denied_is_neither_resolved_nor_dialled(terminal, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("looked up")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    with listener() as server:
        write(terminal, server.getsockname()[1])
        result = terminal.run("explain", "DELETE", "http://localhost:81/", "--connect")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.exit_code == 1
    assert result.stdout.startswith("DENY port_unregistered")
    assert "connection" not in result.stdout


def test_nobody_listening_is_told_of(terminal):
    with listener() as server:
        port = server.getsockname()[1]
    write(terminal, port, host="good.example", places="endpoints: [{address: 127.0.0.1}]\n      resolution: STATIC")
    result = terminal.run("explain", "GET", "http://good.example/", "--connect")
    assert result.exit_code == 1
    told = connection(result)
    assert told[0] == "address 127.0.0.1 may be dialled"
    assert told[-1].startswith(f"failed connect_failed: 127.0.0.1:{port} cannot be connected to")


def test_a_name_that_does_not_resolve_is_told_of(terminal):
    write(terminal, 80, host="nothing.invalid")
    result = terminal.run("explain", "GET", "http://nothing.invalid/", "--connect")
    assert result.exit_code == 1
    told = connection(result)
    assert told[0].startswith("resolve nothing.invalid has no addresses, in ")
    assert told[-1].startswith("failed resolve_failed: nothing.invalid")


def test_the_gates_own_port_is_a_loop(terminal):
    with listener() as server:
        port = server.getsockname()[1]
        write(terminal, port)
        arguments = ("GET", "http://localhost/", "--connect", "--set", f"listen=127.0.0.1:{port}")
        told = connection(terminal.run("explain", *arguments))
    assert "is the gate itself" in told[-1]


def test_the_same_as_data(terminal, demanding, ca, client):
    server = demanding("TLSv1.3", required=True)
    write(terminal, server.port, mutual(ca, client))
    told = json.loads(terminal.run("explain", "GET", "http://localhost/", "--connect", "-o", "json").stdout)
    assert told["decision"]["verdict"] == "allow"
    made = told["connection"]
    assert (made["reached"], made["error"]) == (True, None)
    assert {"address": "127.0.0.1", "refused": ""} in made["resolved"][0]["addresses"]
    assert made["dialled"] == {"address": "127.0.0.1", "port": server.port}
    assert (made["tls"]["version"], made["tls"]["sni"]) == ("TLSv1.3", "good.example")
    assert made["certificate"]["subject"] == "CN=good"
    assert made["client_certificate"] == {"asked": True, "given": True, "file": client.certificate}


def test_a_key_log_is_refused(terminal, demanding, ca, client):
    server = demanding("TLSv1.3")
    write(terminal, server.port, mutual(ca, client))
    result = terminal.run("explain", "GET", "http://localhost/", "--connect", SSLKEYLOGFILE=os.devnull)
    assert result.exit_code == 2
    assert "SSLKEYLOGFILE is set" in result.stderr


def test_without_the_flag_nothing_is_dialled(terminal):
    with listener() as server:
        write(terminal, server.getsockname()[1])
        assert terminal.run("explain", "GET", "http://localhost/").exit_code == 0
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_handshake_can_be_looked_at_with_this_python():
    assert hasattr(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "_msg_callback")
