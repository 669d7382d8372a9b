"""What the chart's Jobs do, in a cluster of one API server."""

import time

import pytest
from click.testing import CliRunner

from kube.apiserver import ApiServer
from outgate.cli.certs import certs
from outgate.kube import api, secrets
from outgate.pki.provided import new_authority, new_server

CA, OTHER = "shop/outgate-ca", "billing/outgate-ca"
SERVER = "outgate-system/outgate-webhook-certificate"
HOST = "outgate-webhook.outgate-system.svc"
WEBHOOK = "outgate-webhook"


@pytest.fixture
def server(tmp_path, monkeypatch):
    with ApiServer(tmp_path) as standing:
        monkeypatch.setattr(api.in_cluster, "__defaults__", (standing.account,))
        for name, text in standing.environment.items():
            monkeypatch.setenv(name, text)
        yield standing


def run(*arguments):
    return CliRunner().invoke(certs, arguments)


def ok(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def files(pair):
    return {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": pair.authority}


def aged(days):
    """An authority with so many days behind it, of thirty."""
    return files(new_authority("outgate CA", 30, (), clock=lambda: time.time() - days * 86400))


def test_one_authority_is_made_for_all_places(server):
    assert ok("provide-authority", "--permit", "partner.example", CA, OTHER) == f"{CA}: written\n{OTHER}: written\n"
    assert server.secret(CA) == server.secret(OTHER)
    assert set(server.secret(CA)) == {"tls.crt", "tls.key", "ca.crt"}


@pytest.mark.parametrize("days", [1, 29])
def test_an_authority_is_kept_to_its_end_and_copied_to_where_there_is_none(server, days):
    kept = aged(days)
    server.put_secret(OTHER, kept)
    assert ok("provide-authority", CA, OTHER) == f"{CA}: written\n{OTHER}: kept\n"
    assert server.secret(CA) == server.secret(OTHER) == kept


def test_an_authority_that_has_expired_is_replaced(server):
    expired = aged(31)
    server.put_secret(CA, expired)
    ok("provide-authority", CA)
    assert server.secret(CA)["tls.crt"] != expired["tls.crt"]


def test_two_authorities_are_refused_and_stay(server):
    one, two = aged(1), aged(1)
    server.put_secret(CA, one)
    server.put_secret(OTHER, two)
    result = run("provide-authority", CA, OTHER)
    assert (result.exit_code, server.secret(CA), server.secret(OTHER)) == (1, one, two)
    assert "different authorities in shop/outgate-ca and billing/outgate-ca; delete all but one" in result.stderr


def test_what_is_no_pair_is_refused_and_stays(server):
    server.put_secret(CA, {"tls.crt": b"somebody's", "tls.key": b"own"})
    result = run("provide-authority", CA)
    assert (result.exit_code, server.secret(CA)["tls.key"]) == (1, b"own")
    assert "the Secret shop/outgate-ca" in result.stderr


def test_a_server_certificate_is_made_and_then_kept(server):
    assert ok("provide-server", "--host", HOST, SERVER) == f"{SERVER}: written\n"
    made = server.secret(SERVER)
    assert ok("provide-server", "--host", HOST, SERVER) == f"{SERVER}: kept\n"
    assert server.secret(SERVER) == made


def test_a_server_certificate_is_renewed_before_it_ends(server):
    old = files(new_server([HOST], clock=lambda: time.time() - 3000 * 86400))
    server.put_secret(SERVER, old)
    assert ok("provide-server", "--host", HOST, SERVER) == f"{SERVER}: written\n"
    assert server.secret(SERVER)["tls.crt"] != old["tls.crt"]


def test_the_api_server_is_told_whom_to_trust(server):
    path = f"{secrets.WEBHOOKS}/{WEBHOOK}"
    server.objects[path] = {"metadata": {"resourceVersion": "1"}, "webhooks": [{"clientConfig": {}}] * 2}
    ok("provide-server", "--host", HOST, SERVER)
    said = ok("trust-server", "--secret", SERVER, WEBHOOK)
    assert said == f"{WEBHOOK}: 2 webhooks trust the authority of {SERVER}\n"
    assert all(each["clientConfig"]["caBundle"] for each in server.objects[path]["webhooks"])


def test_without_a_certificate_nobody_is_trusted(server):
    result = run("trust-server", "--secret", SERVER, WEBHOOK)
    assert (result.exit_code, "has no ca.crt" in result.stderr) == (1, True)


def test_outside_a_cluster_it_is_said(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = run("provide-authority", CA)
    assert (result.exit_code, "no pod of a cluster" in result.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["provide-authority"], "Missing argument"),
        (["provide-authority", "outgate-ca"], "write NAMESPACE/NAME"),
        (["provide-authority", "--permit", "*.a.example", CA], "a.example"),
        (["provide-server", SERVER], "--host"),
        (["provide-server", "--host", "no name", SERVER], "no name"),
        (["trust-server", WEBHOOK], "--secret"),
    ],
    ids=["nowhere", "no place", "pattern", "no host", "bad host", "no secret"],
)
def test_wrong_usage_is_named(server, arguments, said):
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert [method for method, _ in server.asked if method != "GET"] == []
