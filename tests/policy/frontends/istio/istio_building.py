"""Short ways from Istio documents to what they come to, for tests: YAML text in, a contribution out."""

import dataclasses
import textwrap

from outgate.policy.documents import parse
from outgate.policy.frontends import Contribution, Setting
from outgate.policy.frontends.istio.frontend import IstioFrontend
from outgate.policy.model import Destination, Gate, Port, Source
from outgate.problems import Problem, Severity

NAMED = "metadata: {name: it, namespace: prod}"


def translate(*texts: str, strict: bool = True, **gate: object) -> Contribution:
    """What some documents come to. Each text may have several."""
    documents = [document for text in texts for document in parse(textwrap.dedent(text), "istio.yaml")]
    here = {"namespace": "prod"} | gate
    return IstioFrontend().translate(documents, Setting(gate=Gate(**here), strict=strict))  # type: ignore[arg-type]


def loaded(*texts: str, strict: bool = True, **gate: object) -> Contribution:
    """The same, of documents without errors."""
    found = translate(*texts, strict=strict, **gate)
    assert not errors(found), [str(problem) for problem in errors(found)]
    return found


def document(kind: str, spec: str, name: str = "it", namespace: str = "prod", version: str = "v1") -> str:
    """One document of a networking kind, its spec as flow YAML or as an indented block."""
    body = textwrap.dedent(spec).strip("\n")
    block = body if body.startswith("{") else "\n" + textwrap.indent(body, "  ")
    meta = f"metadata: {{name: {name}, namespace: {namespace}}}"
    return f"---\napiVersion: networking.istio.io/{version}\nkind: {kind}\n{meta}\nspec: {block}\n"


def entry(spec: str = "", hosts: str = "[api.shop.example]", name: str = "shop", namespace: str = "prod") -> str:
    """A ServiceEntry for one HTTPS port unless the spec says otherwise."""
    rest = textwrap.dedent(spec).strip("\n")
    ports = "" if "ports:" in rest else "\nports: [{number: 443, name: tls, protocol: HTTPS}]"
    resolution = "" if "resolution:" in rest else "\nresolution: DNS"
    return document("ServiceEntry", f"hosts: {hosts}{ports}{resolution}\n{rest}", name, namespace)


def errors(found: Contribution) -> list[Problem]:
    return [problem for problem in found.problems if problem.severity is Severity.ERROR]


def warnings(found: Contribution) -> list[Problem]:
    return [problem for problem in found.problems if problem.severity is Severity.WARNING]


def fields(problems: list[Problem]) -> list[str]:
    return [problem.field for problem in problems]


def refused(*texts: str, strict: bool = True, **gate: object) -> list[str]:
    """The fields of all errors."""
    return fields(errors(translate(*texts, strict=strict, **gate)))


def warned(*texts: str, strict: bool = True, **gate: object) -> str:
    """All warnings of documents without errors, one a line."""
    return "\n".join(str(problem) for problem in warnings(loaded(*texts, strict=strict, **gate)))


def destination(*texts: str, strict: bool = True, **gate: object) -> Destination:
    """The one destination of some documents without errors."""
    (made,) = loaded(*texts, strict=strict, **gate).destinations
    return made


def port(*texts: str, number: int = 443, strict: bool = True, **gate: object) -> Port:
    """One port of the one destination."""
    ports = {port.number: port for port in destination(*texts, strict=strict, **gate).ports}
    return ports[number]


def bare(value: object) -> object:
    """A model value as plain data, without the places in files that it came from."""
    if isinstance(value, Source):
        return (value.kind, value.name, value.namespace)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: bare(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [bare(inner) for inner in value]
    return value


def model(found: Contribution) -> object:
    """All that a contribution brings into the model."""
    return [bare(part) for part in (found.defaults, found.destinations, found.scopes, found.access, found.telemetry)]
