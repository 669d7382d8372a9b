"""Every valid document of the meshes' own, converted: what comes of it decides alike, or says what it cannot.

They lie beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import islice, product
from pathlib import Path

import pytest

from converting.companions import companions
from converting.facts import facts
from outgate.converting.conversion import Converted, convert
from outgate.policy import compile as compilation
from outgate.policy.access_model import Attribute
from outgate.policy.compile import Policy
from outgate.policy.documents import parse
from outgate.policy.frontends import Setting
from outgate.policy.model import Attempt, AttemptKind, Identity
from outgate.policy.rules import conditions_of
from outgate.problems import PolicyError

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")
MESHES = ("istio", "kuma", "linkerd", "osm")
DIALECTS = {"kuma-3.0-dev": "kuma-3.0", "kuma-2.9": "kuma-2.9", "kuma-design-seed": "kuma-madr062"}
"""What is not here is 2.14."""
MOST = 60
"""Attempts of a file."""


@cache
def entries(mesh: str) -> list[dict]:
    index = json.loads((CORPUS / "index.json").read_text())
    return [entry for entry in index if entry["mesh"] == mesh and not entry["invalid"]]


def setting(entry: dict) -> Setting:
    spoken = next(iter(entry.get("dialects", [])), "")
    return Setting(strict=False, kuma_dialect=DIALECTS.get(spoken, "kuma-2.14"))


def attempts(policy: Policy) -> Iterator[Attempt]:
    """At the policy's own hosts, addresses and ports, by callers and with paths that its rules name, and by nobody."""
    who, paths = list(callers(policy)), ["/", *dict.fromkeys(texts(policy, Attribute.PATH))][:4]
    for destination in policy.destinations:
        hosts = [host.replace("*", "some") for host in destination.hosts]
        places = [(host, None) for host in hosts] + [(None, str(each[0])) for each in destination.networks]
        for port, (host, address), caller in product(destination.ports, places, who):
            number = port.number or 8443
            yield Attempt(AttemptKind.TCP, caller, number, host=host, address=address)
            if host is not None:
                yield Attempt(AttemptKind.TLS, caller, number, host=host, sni=host)
            for path, method in product(paths, ("GET", "POST")):
                yield Attempt(AttemptKind.HTTP, caller, number, host=host, address=address, method=method, path=path)


def callers(policy: Policy) -> Iterator[Identity]:
    yield Identity(how="test")
    yield Identity(namespace="elsewhere", service_account="somebody", how="test")
    for principal in islice(texts(policy, Attribute.PRINCIPAL), 2):
        yield Identity(principal=principal.removeprefix("spiffe://").replace("*", "some"), how="test")
    for namespace in islice(texts(policy, Attribute.NAMESPACE), 2):
        yield Identity(namespace=namespace.replace("*", ""), service_account="default", how="test")


def texts(policy: Policy, attribute: Attribute) -> Iterator[str]:
    for layer in policy.access:
        for access in layer.policies:
            for rule in access.rules:
                for condition in conditions_of(rule):
                    yield from condition.values if condition.attribute is attribute else ()


def converted(entry: dict) -> tuple[Policy, Converted] | None:
    """With what the file is about, where that makes a policy, or else alone. None where even that is refused by field:
    strictly read, its mesh's own tests of the corpus say which those are."""
    try:
        given = parse((CORPUS / entry["rel"]).read_text(), entry["rel"])
    except PolicyError:
        return None
    beside = parse("---\n".join(companions(entry["mesh"], given)), entry["rel"])
    for documents in ([*given, *beside], given):
        with suppress(PolicyError):
            policy = compilation.compile(documents, setting(entry))
            return policy, convert(policy, documents, setting(entry), "outgate.yaml")
    return None


@pytest.mark.parametrize("mesh", MESHES)
def test_what_comes_of_a_file_decides_alike_or_says_what_it_cannot(mesh, capsys):
    counts: Counter[str] = Counter()
    for entry in entries(mesh):
        made = converted(entry)
        if made is None:
            counts["refused"] += 1
            continue
        policy, written = made
        if not written.whole:
            counts["told that it cannot be"] += 1
            for problem in written.problems:
                assert problem.where.line > 0, problem
                assert problem.hint, problem
                assert problem.where.file == entry["rel"]
            continue
        counts["converted" if policy.destinations or policy.access else "converted, of nothing"] += 1
        again = compilation.compile(parse(written.text, "outgate.yaml"), setting(entry))
        for attempt in islice(attempts(policy), MOST):
            counts["attempts"] += 1
            assert facts(again, attempt) == facts(policy, attempt), (entry["rel"], attempt)
    with capsys.disabled():
        print(f"\n{mesh}: {len(entries(mesh))} files, {dict(counts)}")
    assert counts["converted"] > len(entries(mesh)) // 10
