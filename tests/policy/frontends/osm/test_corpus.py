"""OSM's own documents, valid and invalid.

They lie beside the project, in the directory that MESH_CORPUS names; without it these tests are skipped.
"""

import os
from pathlib import Path

import pytest

from outgate.policy import documents
from outgate.policy.frontends import Setting
from outgate.policy.frontends.osm.frontend import OsmFrontend
from outgate.problems import PolicyError, Problem, Severity

CORPUS = Path(os.environ.get("MESH_CORPUS") or "/nonexistent")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="MESH_CORPUS names no directory of mesh documents")

LATER = {"catalog-upstreamtrafficsetting-testgetinboundmeshtrafficpolicy-l2032"}
"""Files with what is refused by field: limits that another service counts."""
ELSEWHERE = {"validator-upstreamtrafficsetting-with-duplicate-host": "wrong only beside an object that is not there"}
EXPECTED = {
    "docs-edge-egressgateway-broken-indent": "",
    "validator-egress-with-multiple-upstreamtrafficsetting-matches-is-inval": "spec.matches[1]",
    "validator-matches-apigroup-is-invalid": "spec.matches[0].kind",
    "validator-upstreamtrafficsetting-with-invalid-http-route-rate-limiting": (
        "spec.httpRoutes[0].rateLimit.local.responseStatusCode"
    ),
    "validator-upstreamtrafficsetting-with-invalid-vhost-rate-limiting-http": (
        "spec.rateLimit.local.http.responseStatusCode"
    ),
}


def files(folder: str) -> list[Path]:
    return sorted((CORPUS / "osm" / folder).glob("*.yaml")) if CORPUS.is_dir() else []


def errors(path: Path) -> list[Problem]:
    try:
        given = documents.load(path)
    except PolicyError as error:
        return list(error.problems)
    claimed = [document for document in given if OsmFrontend().claims(document)]
    if not claimed:
        return [Problem(given[0].where, "nobody's")]
    found = OsmFrontend().translate(claimed, Setting()).problems
    return [problem for problem in found if problem.severity is Severity.ERROR]


@pytest.mark.parametrize("path", files(""), ids=lambda path: path.stem)
def test_valid_documents_are_accepted(path):
    found = errors(path)
    if any(path.stem.startswith(name) for name in LATER):
        assert found
        assert all("is not yet applied" in problem.what for problem in found)
    else:
        assert found == []


@pytest.mark.parametrize("path", files("invalid"), ids=lambda path: path.stem)
def test_invalid_documents_are_refused_on_the_right_field(path):
    if path.stem in ELSEWHERE:
        pytest.skip(ELSEWHERE[path.stem])
    assert EXPECTED[path.stem] in [problem.field for problem in errors(path)]
