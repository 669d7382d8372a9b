"""Short ways to policies and attempts for tests: YAML text in, a compiled policy out; an attempt in one line."""

import textwrap
from pathlib import Path

from outgate.policy import compile as compilation
from outgate.policy.compile import Policy
from outgate.policy.documents import Document, parse
from outgate.policy.frontends import Setting
from outgate.policy.model import (
    Attempt,
    AttemptKind,
    Destination,
    Gate,
    Identity,
    Intercept,
    Port,
    Protocol,
    Resolution,
    Source,
    Upstream,
)
from outgate.problems import PolicyError, Problem, Where

WEB = Identity(namespace="prod", service_account="web", how="test")
DEFAULTS = "apiVersion: outgate.dev/v1alpha1\nkind: EgressDefaults\nmetadata: {name: defaults}\nspec: "


def documents(text: str, file: str = "policy.yaml", layer: int = 0) -> list[Document]:
    return parse(textwrap.dedent(text), file, layer)


def policy(text: str, *, strict: bool = True, gate: Gate | None = None) -> Policy:
    """The policy of native or mesh documents in YAML."""
    return compilation.compile(documents(text), Setting(gate=gate or Gate(), strict=strict))


def problems(text: str, *, strict: bool = True) -> tuple[Problem, ...]:
    """Errors and warnings of a text, whether or not it compiles."""
    try:
        return policy(text, strict=strict).problems
    except PolicyError as error:
        return error.problems


def destination(
    *hosts: str,
    name: str = "d",
    port: int = 443,
    protocol: Protocol = Protocol.HTTPS,
    intercept: Intercept = Intercept.DECRYPT,
    resolution: Resolution = Resolution.DNS,
    line: int = 1,
    **more: object,
) -> Destination:
    source = Source(Where("policy.yaml", line, 1), "EgressDestination", name, "default")
    ports = (Port(port, protocol, Upstream(port, resolution), intercept, source=source),)
    given = {"namespace": "default", "networks": (), "ports": ports, "source": source} | more
    return Destination(key=f"{name}-{line}", name=name, hosts=hosts, **given)  # type: ignore[arg-type]


def http(host: str | None, port: int = 443, **more: object) -> Attempt:
    given = {"caller": WEB, "encrypted": port == 443, "method": "GET", "path": "/"} | more
    return Attempt(AttemptKind.HTTP, port=port, host=host, **given)  # type: ignore[arg-type]


def tls(host: str | None, port: int = 443, **more: object) -> Attempt:
    given = {"caller": WEB, "sni": host} | more
    return Attempt(AttemptKind.TLS, port=port, host=host, **given)  # type: ignore[arg-type]


def tcp(address: str | None, port: int, **more: object) -> Attempt:
    given = {"caller": WEB} | more
    return Attempt(AttemptKind.TCP, port=port, address=address, **given)  # type: ignore[arg-type]


def write(directory: Path, **texts: str) -> Path:
    """Files `NAME.yaml` below a directory, which is returned."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / f"{name}.yaml").write_text(textwrap.dedent(text))
    return directory
