"""A conversion is proved by reading it again; what is not the same is told, and nothing is lost in silence."""

import pytest
import yaml

from converting.rewritten import HEAD, HOME, SETTING, made, native
from outgate.converting import conversion
from outgate.converting.conversion import convert
from outgate.policy.compile import compile as compile_policy
from outgate.policy.documents import parse
from outgate.problems import Severity

SERVICE = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: partner, namespace: shop}
spec: {hosts: [partner.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
---
"""


def problems(text: str) -> list[tuple[Severity, str]]:
    return [(each.severity, str(each)) for each in made(text).problems]


def test_kinds_of_which_meshes_have_nothing_are_written_as_they_were_read():
    said = "{rules: [{name: cards, detect: card}]}"
    text = HEAD + HOME + native("EgressRedaction", said)
    given = parse(text, "given.yaml")
    written = convert(compile_policy(given, SETTING), given, SETTING, "made.yaml")
    assert written.whole
    assert yaml.safe_load(said) in [each["spec"] for each in yaml.safe_load_all(written.text)]


def test_converted_again_it_is_the_same():
    once = made(HEAD + HOME + SERVICE)
    assert once.whole
    again = made(once.text)
    assert [*yaml.safe_load_all(again.text)] == [*yaml.safe_load_all(once.text)]


def test_telemetry_of_a_mesh_is_a_warning_at_its_place():
    backends = "[{type: File, file: {path: /a}}]"
    log = f"{{to: [{{targetRef: {{kind: Mesh}}, default: {{backends: {backends}}}}}]}}"
    found = problems(HEAD + HOME + f"type: MeshAccessLog\nname: all\nmesh: default\nspec: {log}\n")
    assert [(severity, said.partition(";")[0]) for severity, said in found] == [
        (Severity.WARNING, "given.yaml:16:13: MeshAccessLog all: telemetry is not converted")
    ]


def test_text_that_cannot_be_read_again_is_told_at_what_it_came_from():
    route = "{route: [{destination: {host: partner.example}}], timeout: 1s}"
    service = SERVICE + (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: away, namespace: shop}\n"
        f"spec: {{hosts: [partner.example], http: [{{match: [{{port: 80}}], redirect: {{uri: r}}}}, {route}]}}\n"
    )
    written = made(HEAD + service)
    assert not written.whole
    (problem,) = written.problems
    assert problem.where.file == "given.yaml"
    assert problem.where.line > 6
    assert "has no native form: " in problem.what
    assert problem.hint == "begin with /"


@pytest.mark.parametrize(("old", "new", "field"), [("443", "444", "number"), ("home.", "other.", "hosts")])
def test_a_mistake_of_the_writers_is_noticed(monkeypatch, old, new, field):
    """The proof does not trust whoever wrote the text."""
    honest = conversion.text
    monkeypatch.setattr(conversion, "text", lambda documents: (honest(documents)[0].replace(old, new), []))
    written = made(HEAD + HOME)
    assert not written.whole
    problem = written.problems[0]
    assert problem.where.line in (8, 11)
    assert problem.what == f"EgressDestination home: {field} would not be the same in native kinds"
    assert problem.hint == "keep its documents as they are, or load both"
