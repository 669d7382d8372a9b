"""The role in the chart gives the rights to what is watched, and no others."""

from __future__ import annotations

import os
from itertools import groupby

import kubernetes_validate
import yaml

from cluster.apiserver import TOKEN, ApiServer, kubeconfig
from cluster.conftest import until
from docpages.markdown import ROOT
from outgate.cli.schema import text
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster
from outgate.cluster.conditions import Outcome
from outgate.cluster.kinds import KINDS
from outgate.cluster.writer import Writer

FILE = ROOT / "helm" / "outgate" / "rbac" / "cluster-policy.yaml"
REFRESH = os.environ.get("OUTGATE_REFRESH") == "1"
READING, WRITING = ["list", "watch"], ["patch"]
HEAD = """\
# What a gate with --policy-from-cluster asks the API for, and nothing else.
# The rights to some of it are enough for a gate that watches some meshes (cluster_meshes) or writes no status
# (cluster_status), and a Role with the same rules for one that reads named namespaces, but for kinds that have none.
"""


def role():
    rules = [
        {"apiGroups": [group], "resources": sorted(kind.plural for kind in kinds), "verbs": READING}
        for group, kinds in groupby(sorted(KINDS, key=lambda kind: kind.group), lambda kind: kind.group)
    ]
    own = [kind for kind in KINDS if kind.own]
    statuses = sorted(f"{kind.plural}/status" for kind in own)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "outgate-cluster-policy"},
        "rules": [*rules, {"apiGroups": [own[0].group], "resources": statuses, "verbs": WRITING}],
    }


def test_the_role_is_for_the_kinds_that_are_watched():
    whole = HEAD + text(role())
    if REFRESH:
        FILE.write_text(whole, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == whole, "OUTGATE_REFRESH=1 writes it anew"
    kubernetes_validate.validate(role(), "1.37.0", strict=True)


async def test_nothing_is_asked_for_that_the_role_has_not(tmp_path):
    """By what a server is really asked: it answers what the role allows."""
    server = ApiServer()
    for kind in KINDS:
        server.serve(kind.group, kind.versions[0], kind.plural, kind.name)
    await server.start()
    config = tmp_path / "config"
    config.write_text(kubeconfig(server.url, TOKEN))
    for kind in KINDS:
        if kind.own:
            server.put(kind.plural, "a", {})
    cluster = Cluster(Api(str(config)), KINDS, settle=0.02)
    try:
        await cluster.first(20)
        cluster.documents()
        writer = Writer(cluster)
        writer.judged(Outcome((), in_force=True))
        await writer.write()
        await until(lambda: len(server.statuses) == sum(kind.own for kind in KINDS))
    finally:
        await cluster.api.close()
        await server.stop()
    assert {_right(request) for request in server.requests} == set(_rights())


def _right(request):
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    group, _, *rest = path.removeprefix("/apis/").split("/")
    plural, *below = rest[2:] if rest[0] == "namespaces" else rest
    verb = "patch" if method == "PATCH" else "watch" if "watch=true" in query else "list"
    return group, f"{plural}/{below[-1]}" if below else plural, verb


def _rights():
    for rule in yaml.safe_load(FILE.read_text())["rules"]:
        for resource in rule["resources"]:
            yield from ((rule["apiGroups"][0], resource, verb) for verb in rule["verbs"])
