"""Short ways to Kuma's documents for tests: YAML in, entries and policies out."""

import textwrap

from outgate.policy import compile as compilation
from outgate.policy import documents
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.kuma.dialect import Dialect
from outgate.policy.frontends.kuma.entries import Entry, Kind
from outgate.policy.frontends.kuma.resource import Resource
from outgate.policy.schema import Reading, Record
from outgate.problems import PolicyError

CLOSED = "type: Mesh\nname: default\nnetworking: {outbound: {passthrough: false}}\nskipCreatingInitialPolicies: ['*']\n"
HTTPBIN = """
type: MeshExternalService
name: httpbin
mesh: default
spec:
  match: {type: HostnameGenerator, port: 80, protocol: http}
  endpoints: [{address: httpbin.example.com, port: 443}]
  tls: {enabled: true}
"""


def load(*texts: str, mesh: str = CLOSED, **setting: object):
    """The policy of some documents beside a mesh."""
    given = documents.parse("\n---\n".join(map(textwrap.dedent, (mesh, *texts))), "policy.yaml")
    return compilation.compile(given, Setting(**setting))


def faults(*texts: str, **setting: object) -> list[str]:
    try:
        load(*texts, **setting)
    except PolicyError as error:
        return [str(problem) for problem in error.problems]
    return []


def warnings(*texts: str, **setting: object) -> str:
    return "\n".join(str(problem) for problem in load(*texts, **setting).problems)


def policy(kind: str, spec: str, name: str = "p", mesh: str = "default") -> str:
    return f"type: {kind}\nname: {name}\nmesh: {mesh}\nspec:\n{textwrap.indent(textwrap.dedent(spec), '  ')}"


def port(*texts: str, **setting: object):
    """The only port of the only destination."""
    (destination,) = load(*texts, **setting).destinations
    (found,) = destination.ports
    return found


def entries_of(kind: Kind, given: list[documents.Document]) -> list[Entry]:
    made = Contribution()
    found = [entry for one in given if one.kind == kind.name for entry in kind.entries(one, Setting(), made)]
    assert made.problems == []
    return found


def resource(document: documents.Document) -> Resource:
    """A document of which only the name counts."""
    labels = document.root.child("labels")
    given = {key: str(value.data) for key, value in labels.mapping.items()} if labels is not None else {}
    spec = Record(document.where, "", {}, {})
    return Resource(document, spec, Reading(document.kind), Dialect.V2_14, "", document.root.text("mesh"), given)


def plain(value: object) -> object:
    """A conf without its places."""
    if isinstance(value, Record):
        return {name: plain(each) for name, each in value.values.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value
