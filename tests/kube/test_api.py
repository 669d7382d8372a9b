"""The API server is asked over verified TLS with the pod's token, and what goes wrong is said."""

import ssl

import pytest

from kube.apiserver import TOKEN, ApiServer
from outgate.kube.api import Api, Unable, in_cluster

PLACE = "/api/v1/namespaces/shop/secrets/a"


def asking(server):
    return in_cluster(server.environment, server.account)


def test_what_is_not_there_is_none(server):
    assert asking(server).get(PLACE) is None
    assert server.asked == [("GET", PLACE)]


def test_what_is_there_is_read(server):
    server.put_secret("shop/a", {"x": b"1"})
    assert asking(server).get(PLACE)["data"] == {"x": "MQ=="}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"KUBERNETES_SERVICE_HOST": "127.0.0.1"},
        {"KUBERNETES_SERVICE_HOST": "x", "KUBERNETES_SERVICE_PORT": "https"},
    ],
    ids=["nothing", "no port", "no number"],
)
def test_outside_a_cluster_it_is_said(server, environment):
    with pytest.raises(Unable, match=r"no pod of a cluster.*run it in a Job"):
        in_cluster(environment, server.account)


@pytest.mark.parametrize("name", ["token", "ca.crt"])
def test_without_a_service_account_it_is_said(server, name):
    (server.account / name).unlink()
    with pytest.raises(Unable, match="automountServiceAccountToken"):
        in_cluster(server.environment, server.account)


def test_a_server_of_another_ca_is_told_nothing(server, tmp_path):
    (tmp_path / "other").mkdir()
    with ApiServer(tmp_path / "other") as stranger:
        api = in_cluster(stranger.environment, server.account)
        with pytest.raises(Unable, match=r"cannot be asked.*certificate"):
            api.get(PLACE)
        assert stranger.asked == []


def test_nobody_there_is_said(server):
    environment = server.environment | {"KUBERNETES_SERVICE_PORT": "1"}
    with pytest.raises(Unable, match=r"GET .* at 127\.0\.0\.1:1 cannot be asked"):
        in_cluster(environment, server.account).get(PLACE)


def test_a_refusal_is_told_in_the_servers_words_on_one_line(server):
    server.failing["GET"] = 403, b'{"message": "secrets \\"a\\" is forbidden\\n\\u001b[31mfor you"}'
    with pytest.raises(Unable) as caught:
        asking(server).get(PLACE)
    assert str(caught.value) == f'GET {PLACE}: the API server says 403: secrets "a" is forbidden??[31mfor you'


@pytest.mark.parametrize(
    ("body", "said"), [(b"", "no JSON"), (b"[]", "no object"), (b"{", "no JSON")], ids=["empty", "list", "half"]
)
def test_an_answer_that_is_none_is_said(server, body, said):
    server.failing["GET"] = 200, body
    with pytest.raises(Unable, match=said):
        asking(server).get(PLACE)


def test_a_refusal_without_a_reason_is_one(server):
    server.failing["GET"] = 500, b"<html>"
    with pytest.raises(Unable, match="500: no reason"):
        asking(server).get(PLACE)


def test_the_token_does_not_show():
    assert TOKEN not in repr(Api("127.0.0.1", 1, ssl.create_default_context(), TOKEN))
