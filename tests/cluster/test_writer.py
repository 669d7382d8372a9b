"""What became of the gate's own documents is written into them, once, and never matters to the gate."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from cluster.conftest import ENTRIES, OWN, entry, following, kind, until
from outgate.cluster.conditions import LONGEST, Outcome, conditions
from outgate.cluster.objects import read
from outgate.cluster.writer import Writer
from outgate.problems import Problem, Severity, Where

KINDS = [kind(ENTRIES), kind(OWN)]
A, B, E = (
    f"cluster:{name}"
    for name in ("EgressDestination/default/a", "EgressDestination/default/b", "ServiceEntry/default/e")
)
FINE = Outcome((), in_force=True)
WRONG = Outcome((Problem(Where(A), "spec.hots: unknown field", 'did you mean "hosts"?'),), in_force=False)


def found(name="a", **more):
    metadata = {"name": name, "namespace": "default", "resourceVersion": "1", "generation": 4}
    return read(kind(OWN), {"metadata": metadata, "spec": {}, **more})


def said(outcome):
    made = conditions([found("a"), found("b")], outcome)
    return {file: [(each.kind, each.true, each.reason, each.message) for each in both] for file, both in made.items()}


def test_a_document_in_force_is_accepted_and_programmed():
    both = [("Accepted", True, "Accepted", "it is valid"), ("Programmed", True, "InForce", "the gate goes by it")]
    assert said(FINE) == {A: both, B: both}


def test_a_document_that_is_wrong_says_what_is_and_others_that_they_wait():
    told = said(WRONG)
    assert told[A] == [
        ("Accepted", False, "Invalid", 'spec.hots: unknown field; did you mean "hosts"?'),
        ("Programmed", False, "Invalid", "the policy before stays in force"),
    ]
    assert told[B] == [
        ("Accepted", True, "Accepted", "it is valid"),
        ("Programmed", False, "OthersInvalid", f"the policy before stays in force, for others are refused: {A}"),
    ]


def test_what_others_hold_is_in_nobodys_status():
    told = said(Outcome((Problem(Where(E), "spec.x: a secret"),), in_force=False))
    assert "secret" not in str(told)
    assert E in told[A][1][3]


def test_warnings_are_told_and_messages_are_bounded():
    problems = tuple(Problem(Where(A), "x" * 400, severity=Severity.WARNING) for _ in range(9))
    accepted = said(Outcome(problems, in_force=True))[A][0]
    assert accepted[:3] == ("Accepted", True, "AcceptedWithWarnings")
    assert len(accepted[3]) == LONGEST
    assert said(Outcome(problems[:6], in_force=True))[A][0] == accepted


@contextlib.asynccontextmanager
async def writing(server, config):
    server.put(OWN, "a", {"hosts": ["a.example"]})
    server.put(ENTRIES, "e", entry("e.example"))
    async with following(config, KINDS) as followed:
        await followed.knows("a", "e")
        followed.cluster.documents()
        yield followed.cluster, Writer(followed.cluster, within=0.0)


async def test_a_status_is_applied_once_and_again_when_it_comes_to_something_else(server, config):
    async with writing(server, config) as (cluster, writer):
        task = asyncio.create_task(writer.run())
        writer.judged(FINE)
        await until(lambda: server.statuses)
        path, body = server.statuses[0]
        assert path == f"/apis/outgate.dev/v1alpha1/namespaces/default/{OWN}/a/status"
        assert "PATCH " + path + "?fieldManager=outgate&force=true" in server.requests
        assert body["metadata"] == {"name": "a", "uid": "uid-a", "namespace": "default"}
        first = body["status"]["conditions"]
        assert [(each["type"], each["status"], each["observedGeneration"]) for each in first] == [
            ("Accepted", "True", 1),
            ("Programmed", "True", 1),
        ]
        await until(lambda: cluster.objects()[A].conditions)
        writer.judged(FINE)
        assert not writer._due
        writer.judged(Outcome(WRONG.problems, in_force=False))
        await until(lambda: len(server.statuses) == 2)
        await until(lambda: cluster.objects()[A].conditions[0]["status"] == "False")
        assert cluster.counts["cluster_status_written"] == 2
        task.cancel()
        await asyncio.wait((task,))


async def test_what_another_replica_has_written_is_not_written_again(server, config):
    async with writing(server, config) as (cluster, first):
        second = Writer(cluster, within=0.0)
        first.judged(FINE)
        second.judged(FINE)
        await first.write()
        await until(lambda: cluster.objects()[A].conditions)
        await second.write()
        assert len(server.statuses) == 1


async def test_the_time_of_a_condition_is_that_of_its_last_change(server, config):
    async with writing(server, config) as (cluster, writer):
        writer.judged(FINE)
        await writer.write()
        await until(lambda: cluster.objects()[A].conditions)
        kept = [{**each, "lastTransitionTime": "2020-01-01T00:00:00Z"} for each in cluster.objects()[A].conditions]
        resource = server.resources["outgate.dev", OWN]
        resource.objects["default", "a"]["status"] = {"conditions": kept}
        server.put(OWN, "a", {"hosts": ["b.example"]})
        await until(
            lambda: cluster.objects()[A].generation == 2 and 2 in {one.generation for one in cluster.offered.objects}
        )
        cluster.documents()
        writer.judged(FINE)
        await writer.write()
        told = {each["type"]: each for each in server.statuses[-1][1]["status"]["conditions"]}
        assert told["Accepted"]["observedGeneration"] == 2
        assert {each["lastTransitionTime"] for each in told.values()} == {"2020-01-01T00:00:00Z"}


async def test_what_is_forbidden_is_said_once_counted_and_left_alone(server, config, caplog):
    async with writing(server, config) as (cluster, writer):
        server.trouble("/status", 403, times=10)
        writer.judged(FINE)
        await writer.write()
        writer.judged(WRONG)
        await writer.write()
        await writer.write()
        assert cluster.counts["cluster_status_failed"] == 1
        assert [record.message for record in caplog.records if "status" in record.message] == [
            "statuses of documents are not written: the API answers 403: not now"
        ]


@pytest.mark.parametrize("code", [404, 409])
async def test_a_document_that_is_another_by_now_is_left_to_its_next_load(server, config, code):
    async with writing(server, config) as (cluster, writer):
        server.trouble("/status", code)
        writer.judged(FINE)
        await writer.write()
        assert not writer._due
        assert cluster.counts["cluster_status_failed"] == 1


async def test_what_fails_otherwise_is_tried_again(server, config):
    async with writing(server, config) as (cluster, writer):
        server.trouble("/status", 500)
        writer.judged(FINE)
        await writer.write()
        assert server.statuses == []
        await writer.write()
        assert len(server.statuses) == 1
        assert cluster.counts == cluster.counts | {"cluster_status_failed": 1, "cluster_status_written": 1}


async def test_a_document_that_is_gone_is_not_written(server, config):
    async with writing(server, config) as (cluster, writer):
        writer.judged(FINE)
        server.delete(OWN, "a")
        await until(lambda: A not in cluster.objects())
        await writer.write()
        assert server.statuses == []
