"""A cluster is asked for what the chart gives the rights to: `list`, `watch`, and `patch` of a status."""

from __future__ import annotations

from cluster.apiserver import TOKEN, ApiServer, kubeconfig
from cluster.conftest import until
from outgate.cluster.api import Api
from outgate.cluster.cluster import Cluster
from outgate.cluster.conditions import Outcome
from outgate.cluster.kinds import KINDS
from outgate.cluster.writer import Writer


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
    read = {(kind.group, kind.plural, verb) for kind in KINDS for verb in ("list", "watch")}
    written = {(kind.group, f"{kind.plural}/status", "patch") for kind in KINDS if kind.own}
    assert {_right(request) for request in server.requests} == read | written


def _right(request):
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    group, _, *rest = path.removeprefix("/apis/").split("/")
    plural, *below = rest[2:] if rest[0] == "namespaces" else rest
    verb = "patch" if method == "PATCH" else "watch" if "watch=true" in query else "list"
    return group, f"{plural}/{below[-1]}" if below else plural, verb
