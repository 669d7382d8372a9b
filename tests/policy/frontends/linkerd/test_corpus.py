"""Linkerd's own documents.

They lie beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import os
from pathlib import Path

import pytest

from outgate.policy import documents
from outgate.policy.frontends import Setting
from outgate.policy.frontends.linkerd.frontend import LinkerdFrontend
from outgate.problems import Severity

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")
SERVICES = {"docs-2-17-managing-egress-traffic-08"}
"""Files that send traffic to a Service, which is refused by field."""


def files() -> list[Path]:
    return sorted((CORPUS / "linkerd").glob("*.yaml")) if CORPUS.is_dir() else []


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_valid_documents_are_accepted(path):
    given = documents.load(path)
    assert all(LinkerdFrontend().claims(document) for document in given)
    found = LinkerdFrontend().translate(given, Setting()).problems
    errors = [problem for problem in found if problem.severity is Severity.ERROR]
    if path.stem in SERVICES:
        assert [problem.field for problem in errors] == ["spec.rules[0].backendRefs[0]"]
    else:
        assert errors == []
