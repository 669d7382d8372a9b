"""How many of each mesh's own documents are taken and refused, by kind: one table over all four.

They lie beside the project, in the directory that MESH_CORPUS names; without it this test is skipped. What each has to
come to is said file by file in the `test_corpus.py` of each mesh. Loading is lenient, and a file that is refused counts
for each kind in it.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from outgate.policy import documents
from outgate.policy.frontends import Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.frontends.kuma.frontend import KumaFrontend
from outgate.policy.frontends.linkerd.frontend import LinkerdFrontend
from outgate.policy.frontends.osm.frontend import OsmFrontend
from outgate.problems import PolicyError, Severity
from policy.frontends.kuma.test_corpus import DIALECTS

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
FRONTENDS = {"istio": IstioFrontend, "kuma": KumaFrontend, "linkerd": LinkerdFrontend, "osm": OsmFrontend}
COLUMNS = ("valid, taken", "valid, refused", "invalid, refused", "invalid, taken", "of others")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")


def outcomes(entry: dict) -> dict[str, str]:
    """What becomes of one file, for each kind of document in it."""
    frontend, said = FRONTENDS[entry["mesh"]](), "invalid" if entry["invalid"] else "valid"
    try:
        given = documents.load(CORPUS / entry["rel"])
    except PolicyError:
        return dict.fromkeys(entry["kinds"] or ["no document"], f"{said}, refused")
    claimed = [document for document in given if frontend.claims(document)]
    spoken = next(iter(entry.get("dialects", [])), "")
    setting = Setting(strict=False, kuma_dialect=DIALECTS.get(spoken, "kuma-2.14"))
    problems = frontend.translate(claimed, setting).problems
    refused = any(problem.severity is Severity.ERROR for problem in problems)
    others = {document.kind for document in given if document not in claimed}
    mine = {document.kind for document in claimed}
    return dict.fromkeys(others, "of others") | dict.fromkeys(mine, f"{said}, {'refused' if refused else 'taken'}")


def test_counts_by_kind(capsys):
    entries = [entry for entry in json.loads((CORPUS / "index.json").read_text()) if entry["mesh"] in FRONTENDS]
    found = {(entry["mesh"], entry["rel"]): outcomes(entry) for entry in entries}
    table = Counter((mesh, kind, what) for (mesh, _), each in found.items() for kind, what in each.items())
    with capsys.disabled():
        print(f"\n{len(found)} files{'':34}" + "".join(f"{column:>18}" for column in COLUMNS))
        for mesh, kind in sorted({(mesh, kind) for mesh, kind, _ in table}):
            counts = "".join(f"{table[mesh, kind, column]:18}" for column in COLUMNS)
            print(f"{mesh:10}{kind:34}{counts}")
    assert {mesh for mesh, _ in found} == set(FRONTENDS)
    assert len(found) == len(entries)
