"""The rights that the chart gives are to what is watched, and no others."""

from __future__ import annotations

import os
from itertools import chain, groupby

import yaml

from cluster.apiserver import TOKEN, ApiServer, kubeconfig
from cluster.conftest import until
from docpages.markdown import ROOT
from outgate.cli.schema import text
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster
from outgate.cluster.conditions import Outcome
from outgate.cluster.kinds import KINDS, MESHES, watched
from outgate.cluster.writer import Writer

FILE = ROOT / "helm" / "outgate" / "rbac" / "cluster-policy.yaml"
REFRESH = os.environ.get("OUTGATE_REFRESH") == "1"
READING, WRITING = ["list", "watch"], ["patch"]
HEAD = """\
# What a gate with --policy-from-cluster asks the API for, and nothing else: by mesh what it lists and watches, and the
# statuses that it writes.
"""


def rights():
    own = [kind for kind in KINDS if kind.own]
    statuses = sorted(f"{kind.plural}/status" for kind in own)
    return {
        "read": {mesh: [_rule(*group) for group in _groups(watched([mesh]))] for mesh in MESHES},
        "status": [{"apiGroups": [own[0].group], "resources": statuses, "verbs": WRITING}],
    }


def _groups(kinds):
    return groupby(sorted(kinds, key=lambda kind: kind.group), lambda kind: kind.group)


def _rule(group, kinds):
    return {"apiGroups": [group], "resources": sorted(kind.plural for kind in kinds), "verbs": READING}


def test_the_rights_are_to_the_kinds_that_are_watched():
    whole = HEAD + text(rights())
    if REFRESH:
        FILE.write_text(whole, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == whole, "OUTGATE_REFRESH=1 writes it anew"


async def test_what_is_asked_for_is_what_there_are_rights_to(tmp_path):
    """By what a server is really asked."""
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
    found = yaml.safe_load(FILE.read_text())
    for rule in [*chain(*found["read"].values()), *found["status"]]:
        for resource in rule["resources"]:
            yield from ((rule["apiGroups"][0], resource, verb) for verb in rule["verbs"])
