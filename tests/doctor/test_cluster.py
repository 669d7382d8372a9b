"""The cluster is asked as the gate would ask it, and what keeps the gate from its policy is found."""

from __future__ import annotations

import pytest

from cluster.apiserver import TOKEN, ApiServer, ThreadedApiServer, kubeconfig
from cluster.conftest import ENTRIES, entry
from outgate.doctor import cluster
from outgate.doctor.finding import Outcome
from outgate.loading import setting_of
from outgate.settings import Settings


@pytest.fixture
def api():
    server = ApiServer()
    server.serve("networking.istio.io", "v1", ENTRIES, "ServiceEntry")
    server.put(ENTRIES, "a", entry("a.example"))
    with ThreadedApiServer(server) as running:
        yield running


@pytest.fixture
def found(api, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 5.0)
    config = tmp_path / "config"
    config.write_text(kubeconfig(api.server.url, TOKEN))
    settings = Settings(policy_from_cluster=True, kubeconfig=str(config), cluster_meshes=("istio",))
    return lambda: list(cluster.cluster(settings, setting_of(settings)))


def test_a_cluster_that_tells_its_policy_is_right(found):
    told, *policy = found()
    assert {each.outcome for each in (told, *policy)} <= {Outcome.OK, Outcome.NOTE}
    assert told.what.startswith("documents of policy in it: 1; not served: destinationrules.networking.istio.io")
    assert policy[-1].what == "1 destinations, mode REGISTRY_ONLY"


def test_rights_that_are_missing_are_found(api, found, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 3.0)
    api.do(lambda server: server.trouble(f"/{ENTRIES}", 403, times=1000, body=b'{"message": "cannot list"}'))
    (told,) = found()
    assert told.outcome is Outcome.WRONG
    assert f"{ENTRIES}.networking.istio.io: the API answers 403: cannot list" in told.what
    assert "rights" in told.fix


def test_documents_that_are_wrong_are_found_by_name(api, found):
    api.do(lambda server: server.put(ENTRIES, "b", {**entry("b.example"), "hots": []}))
    told, policy = found()
    assert (told.outcome, policy.outcome) == (Outcome.OK, Outcome.WRONG)
    assert policy.what.startswith("cluster:ServiceEntry/default/b: spec.hots: unknown field")


def test_a_client_that_is_not_here_is_found(found, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    (told,) = found()
    assert (told.outcome, told.fix) == (Outcome.WRONG, "install outgate[kubernetes]")
