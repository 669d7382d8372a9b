"""Kuma's own documents, valid and invalid, each in its own dialect.

They lie beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from outgate.policy import documents
from outgate.policy.frontends import Setting
from outgate.policy.frontends.kuma.frontend import KINDS, KumaFrontend
from outgate.problems import PolicyError, Problem, Severity

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")
DIALECTS = {"kuma-3.0-dev": "kuma-3.0", "kuma-2.9": "kuma-2.9", "kuma-design-seed": "kuma-madr062"}
"""What is not here is 2.14."""
REFUSED = {
    "seed001-04-meshaccesslog": "the text has dots instead of a conf",
    "docs-introduction-new-same-namespace-exception-2": "names no service",
    "docs-introduction-new-producer-policies": "numRetries stands outside of http",
    "docs-meshretry-grpc-frontend-to-backend-on-deadlineexce-3": "a Dataplane with tags, which Kuma refuses, too",
    "madr-054-policy-on-namespace-md-11": "a sketch: a conf that says nothing",
    **dict.fromkeys(
        (
            f"madr-063-rework-mesh-routes-match-{number}"
            for number in ("04", "06", "10", "11", "12", "15", "18", "20", "22", "26", "29")
        ),
        "a sketch of a design, with fields and kinds that never were",
    ),
}
UNPATCHED = "modifications of Envoy that are none of the known ones"
REFUSED |= dict.fromkeys(
    ("v3dev-meshproxypatch-listener-modifications", "docs-non-mesh-traffic-circuit-breaker"), UNPATCHED
)
UNSENT = "spans for what the gate does not speak"
REFUSED |= dict.fromkeys(
    (
        "v214-meshtrace-full-zipkin-example",
        "v214-meshtrace-top-level-meshgateway",
        "v3dev-meshtrace-full-zipkin-example",
        "v3dev-meshtrace-with-opentelemetry-backendref",
        "v214-meshtrace-datadog-input",
        "docs-meshtrace-zipkin-5",
        "docs-meshtrace-targeting-parts-of-the-infrastructure-3",
        "docs-meshtrace-targeting-parts-of-the-infrastructure-4",
        "docs-meshtrace-targeting-parts-of-the-infrastructure-5",
    ),
    UNSENT,
)
"""Files with what the gate refuses on purpose, and why."""
OTHERWISE = {
    "v214-meshfaultinjection-sectionname-with-outbound-policy": ["spec.to[0].default.http[2].responseBandwidth.limit"],
    "v3dev-meshtrafficpermission-sectionname-without-rules": ["spec.to"],
    "v214-meshmetric-invalid-port-for-prometheus-listener": ["spec.default.backends[0].prometheus.port"],
    "v214-meshmetric-invalid-port-for-application": ["spec.default.applications[0].port"],
    "v3dev-meshmetric-invalid-port-for-application": ["spec.default.applications[0].port"],
}
"""Invalid files that are refused for another reason than upstream's, on another field."""


def index() -> list[dict]:
    if not CORPUS.is_dir():
        return []
    return [entry for entry in json.loads((CORPUS / "index.json").read_text()) if entry["mesh"] == "kuma"]


def entries(*, invalid: bool) -> list[dict]:
    found = [entry for entry in index() if entry["invalid"] == invalid and "docs-legacy" not in entry["caveats"]]
    return [
        entry
        for entry in found
        if set(entry["kinds"]) & set(KINDS) and "upstream-test-disabled" not in entry["caveats"]
    ]


def name(entry: dict) -> str:
    return Path(entry["rel"]).stem


def errors(entry: dict) -> list[Problem]:
    try:
        given = documents.load(CORPUS / entry["rel"])
    except PolicyError as error:
        return list(error.problems)
    spoken = next(iter(entry["dialects"]))
    setting = Setting(kuma_dialect=DIALECTS.get(spoken, "kuma-2.14"))
    claimed = [document for document in given if KumaFrontend().claims(document)]
    found = KumaFrontend().translate(claimed, setting).problems
    return [problem for problem in found if problem.severity is Severity.ERROR]


@pytest.mark.parametrize("entry", entries(invalid=False), ids=name)
def test_valid_documents_are_accepted(entry):
    found = errors(entry)
    if name(entry) in REFUSED:
        assert found
    else:
        assert [str(problem) for problem in found] == []


@pytest.mark.parametrize("entry", entries(invalid=True), ids=name)
def test_invalid_documents_are_refused_on_the_right_field(entry):
    found = {problem.field for problem in errors(entry)}
    wanted = OTHERWISE.get(name(entry)) or fields(entry["err"])
    assert found & set(wanted), f"{sorted(map(str, errors(entry)))} instead of {entry['err']}"


def fields(said: str) -> list[str]:
    """Upstream's paths; those of a reference begin at the reference."""
    paths = [path.removeprefix("`").removesuffix("`") for path in re.findall(r"`[^` ]+`(?=:)", said)]
    spelt = [
        f"{place}{path.removeprefix('targetRef')}"
        for path in paths
        for place in ("spec.targetRef", "spec.to[0].targetRef")
        if path.startswith("targetRef")
    ]
    paths = [path.replace("backends.backend[", "backends[") for path in paths]
    # Kuma writes the number of a fault behind its kind.
    faults = [re.sub(r"http\.(\w+)(\[\d+\])", r"http\2.\1", path) for path in paths]
    return [*(path.replace(".conf.", ".") for path in paths), *spelt, *faults]


def test_the_corpus_by_kind(capsys):
    counts = Counter(
        (kind, "valid" if not bad else "invalid")
        for bad in (False, True)
        for entry in entries(invalid=bad)
        for kind in set(entry["kinds"]) & set(KINDS)
    )
    with capsys.disabled():
        print("\n" + "\n".join(f"{kind:28}{which:9}{count:4}" for (kind, which), count in sorted(counts.items())))
    assert counts
