"""The API is reached under TLS and with the credentials of now, and what fails has one error that says why."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from cluster.apiserver import TOKEN, ApiServer, kubeconfig
from cluster.conftest import ENTRIES, entry, following, kind, until
from outgate.cluster import api as under_test
from outgate.cluster.api import Api, ApiError
from outgate.pki.authority import CERTIFICATE_FILE, create_authority, save_authority
from outgate.pki.issue import Kind, issue, save_issued

PATH = f"/apis/networking.istio.io/v1/{ENTRIES}"
QUERY = {"limit": "10"}


async def refused(api: Api) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await api.page(PATH, QUERY)
    await api.close()
    return caught.value


async def test_a_token_file_that_is_replaced_is_read_again(server, tmp_path):
    token, config = tmp_path / "token", tmp_path / "config"
    token.write_text(TOKEN)
    config.write_text(kubeconfig(server.url, token_file=str(token)))
    server.put(ENTRIES, "a", entry("a.example"))
    async with following(config, [kind(ENTRIES)]) as followed:
        await followed.knows("a")
        server.tokens = {"second-token"}
        server.drop()
        await until(lambda: "answers 401" in followed.cluster.freshness().reason)
        token.write_text("second-token")
        server.put(ENTRIES, "b", entry("b.example"))
        await followed.knows("a", "b")


@pytest.fixture
async def secure(tmp_path):
    """A server under TLS, and the folder with its CA."""
    authority = create_authority("cluster CA", 30)
    save_authority(authority, tmp_path / "ca")
    pair = save_issued(issue(authority, Kind.SERVER, ["127.0.0.1", "localhost"], 10), tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    made = ApiServer(tls=context)
    made.serve("networking.istio.io", "v1", ENTRIES, "ServiceEntry")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def account(secure, tmp_path, monkeypatch):
    """As a pod has it."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    (folder / "ca.crt").write_bytes((tmp_path / "ca" / CERTIFICATE_FILE).read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(secure.port))
    return folder


async def test_in_a_pod_the_account_is_that_of_its_files(secure, account):
    secure.put(ENTRIES, "a", entry("a.example"))
    api = Api(account=account)
    assert [each["metadata"]["name"] for each in (await api.page(PATH, QUERY))["items"]] == ["a"]
    secure.tokens = {"second-token"}
    with pytest.raises(ApiError, match="401"):
        await api.page(PATH, QUERY)
    (account / "token").write_text("second-token")
    assert (await api.page(PATH, QUERY))["items"]
    await api.close()


async def test_whoever_has_no_certificate_of_the_cluster_gets_no_token(secure, account):
    save_authority(create_authority("another CA", 30), account / "other")
    (account / "ca.crt").write_bytes((account / "other" / CERTIFICATE_FILE).read_bytes())
    assert (await refused(Api(account=account))).status == 0
    assert secure.requests == []


async def test_outside_of_a_pod_there_is_no_account(monkeypatch, tmp_path):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    error = await refused(Api(account=tmp_path))
    assert str(error) == "no credentials for the API: Service host/port is not set."


@pytest.mark.parametrize("text", ["", "{", "[]", '{"clusters": 7}'])
async def test_a_kubeconfig_that_is_none_is_said_to_be(tmp_path, text):
    (tmp_path / "config").write_text(text)
    assert str(await refused(Api(str(tmp_path / "config")))).startswith("no credentials for the API: ")


async def test_nobody_is_asked_who_could_be_anybody(tmp_path):
    config = tmp_path / "config"
    config.write_text(kubeconfig("http://api.example:8080", TOKEN))
    assert "is not asked without TLS" in str(await refused(Api(str(config))))
    insecure = kubeconfig("https://127.0.0.1:1", TOKEN).replace(
        '"server"', '"insecure-skip-tls-verify": true, "server"'
    )
    config.write_text(insecure)
    assert "insecure-skip-tls-verify is set" in str(await refused(Api(str(config))))


async def test_errors_have_the_words_of_the_server_on_one_line_and_its_time(server, config):
    server.trouble(ENTRIES, 429, body=b'{"message": "slow\\ndown\\u001b[31m' + b"x" * 500 + b'"}', retry_after="12")
    error = await refused(Api(str(config)))
    assert (error.status, error.wait) == (429, 12)
    assert str(error).startswith("the API answers 429: slow down [31mxxx")
    assert len(str(error)) < 250
    assert str(error).isprintable()
    server.trouble(ENTRIES, 500, body=b"<html>", retry_after="never")
    error = await refused(Api(str(config)))
    assert (str(error), error.wait) == ("the API answers 500: no reason is given", 0)
    server.trouble(ENTRIES, 503, retry_after="99999")
    assert (await refused(Api(str(config)))).wait == 300


async def test_an_answer_without_end_is_given_up(server, config, monkeypatch):
    monkeypatch.setattr(under_test, "LARGEST", 1000)
    server.trouble(ENTRIES, 200, body=b'{"x": "' + b"y" * 2000 + b'"}')
    assert "more than 1000 bytes" in str(await refused(Api(str(config))))


async def test_a_token_that_cannot_be_sent_is_not_shown(server, tmp_path):
    (tmp_path / "config").write_text(kubeconfig(server.url, "se\ncret"))
    error = await refused(Api(str(tmp_path / "config")))
    assert "cannot be asked" in str(error)
    assert "cret" not in str(error)


async def test_a_watch_that_says_nothing_is_given_up(server, config):
    api = Api(str(config))

    async def watched():
        async with api.watch(PATH, {"resourceVersion": str(server.version)}, 0.1) as events:
            return [event async for event in events]

    with pytest.raises(ApiError, match="does not answer"):
        await watched()
    await api.close()


async def test_connections_are_closed_when_credentials_are_past_and_nobody_uses_them(server, config):
    server.put(ENTRIES, "a", entry("a.example"))
    api = Api(str(config))
    async with api.watch(PATH, {"resourceVersion": "1"}, 10) as events:
        first = api._session
        server.trouble("limit=", 401)
        with pytest.raises(ApiError):
            await api.page(PATH, QUERY)
        assert (await api.page(PATH, QUERY))["items"]
        assert api._session is not first
        assert (await anext(events))["type"] == "ADDED"  # the watch of before goes on
    assert first.client.rest_client.pool_manager.closed
    await api.close()
    await asyncio.sleep(0)
    assert api._session is None
