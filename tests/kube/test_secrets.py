"""Secrets are made, replaced and read whole, and the API server is told whom to trust."""

import base64

import pytest

from outgate.kube import secrets
from outgate.kube.api import Unable, in_cluster
from outgate.kube.secrets import Place, parse_place

PLACE = Place("shop", "outgate-ca")
WEBHOOK = "outgate-webhook"


@pytest.fixture
def api(server):
    return in_cluster(server.environment, server.account)


def test_a_new_secret_has_its_type_its_labels_and_its_files(server, api):
    secrets.write(api, PLACE, {"tls.crt": b"one", "tls.key": b"two"})
    made = server.objects[PLACE.path]
    assert (made["kind"], made["type"]) == ("Secret", "kubernetes.io/tls")
    assert made["metadata"]["labels"]["app.kubernetes.io/name"] == "outgate"
    assert secrets.read(api, PLACE) == {"tls.crt": b"one", "tls.key": b"two"}


def test_one_that_is_there_keeps_what_is_not_ours(server, api):
    server.put_secret("shop/outgate-ca", {"tls.crt": b"old", "more": b"old"})
    server.objects[PLACE.path]["metadata"]["labels"] = {"owner": "somebody"}
    secrets.write(api, PLACE, {"tls.crt": b"new"})
    assert server.secret("shop/outgate-ca") == {"tls.crt": b"new"}
    assert server.objects[PLACE.path]["metadata"]["labels"] == {"owner": "somebody"}


def test_who_was_faster_is_not_overwritten(server, api):
    server.failing["POST"] = 409, b'{"message": "it exists"}'
    with pytest.raises(Unable, match="409: it exists"):
        secrets.write(api, PLACE, {"tls.crt": b"new"})
    assert PLACE.path not in server.objects


def test_nothing_is_none(api):
    assert secrets.read(api, PLACE) is None


def test_a_secret_without_data_is_empty(server, api):
    server.put_secret("shop/outgate-ca", {})
    assert secrets.read(api, PLACE) == {}


@pytest.mark.parametrize("data", [{"tls.crt": "!"}, {"tls.crt": 1}, ["tls.crt"]], ids=["no base64", "number", "list"])
def test_what_cannot_be_read_is_said_with_its_place(server, api, data):
    server.put_secret("shop/outgate-ca", {})
    server.objects[PLACE.path]["data"] = data
    with pytest.raises(Unable, match=r"Secret shop/outgate-ca is not readable.*delete it"):
        secrets.read(api, PLACE)


def configured(server, count):
    webhooks = [{"name": str(number), "clientConfig": {"service": {"name": "a"}}} for number in range(count)]
    path = f"{secrets.WEBHOOKS}/{WEBHOOK}"
    server.objects[path] = {"metadata": {"name": WEBHOOK, "resourceVersion": "1"}, "webhooks": webhooks}
    return path


@pytest.mark.parametrize("count", [1, 2])
def test_every_webhook_trusts_the_authority(server, api, count):
    path = configured(server, count)
    assert secrets.trust(api, WEBHOOK, b"authority") == count
    bundle = base64.b64encode(b"authority").decode()
    config = {"service": {"name": "a"}, "caBundle": bundle}
    assert [each["clientConfig"] for each in server.objects[path]["webhooks"]] == [config] * count


def certificate(text):
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n".encode()


def trusted(server, path):
    (webhook,) = server.objects[path]["webhooks"]
    return base64.b64decode(webhook["clientConfig"]["caBundle"])


def test_the_authority_before_is_trusted_until_the_next_time(server, api):
    path = configured(server, 1)
    one, two, three = map(certificate, ("one", "two", "three"))
    for authority, bundle in ((one, one), (two, two + one), (two, two), (one, one + two), (three, three + one)):
        secrets.trust(api, WEBHOOK, authority)
        assert trusted(server, path) == bundle


def test_a_bundle_that_is_none_is_replaced(server, api):
    path = configured(server, 1)
    server.objects[path]["webhooks"][0]["clientConfig"]["caBundle"] = base64.b64encode(b"nothing").decode()
    secrets.trust(api, WEBHOOK, certificate("one"))
    assert trusted(server, path) == certificate("one")


def test_no_configuration_is_said(api):
    with pytest.raises(Unable, match='no MutatingWebhookConfiguration "outgate-webhook"; install the chart'):
        secrets.trust(api, WEBHOOK, b"authority")


@pytest.mark.parametrize("text", ["", "outgate-ca", "shop/", "/a", "shop/a/b", "Shop/a", "shop/../x", "shop/a?x"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match="write NAMESPACE/NAME"):
        parse_place(text)


def test_a_place_is_read_as_it_is_written():
    assert str(parse_place("shop/outgate-ca")) == "shop/outgate-ca"
