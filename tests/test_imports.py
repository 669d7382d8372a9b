"""The import direction: cli -> embedded -> app -> proxy -> adapters -> addon -> traffic, redact -> policy.model.

Any may import problems.

Read from the source with `ast`, so an import inside a function or under TYPE_CHECKING counts like any other.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDONS = Path(__file__).parents[1] / "addons"
PACKAGE = ADDONS / "outgate"

# Left may import right. Those in one row stand beside each other and know nothing of each other.
ORDER = [
    {"__main__"},
    {"cli", "testing"},
    {"script"},
    {"embedded", "playback"},
    {"app", "exec", "doctor", "graph", "onward", "replaying", "backtest", "learning"},
    {"workers"},
    {"nameserver"},
    {"proxy", "admin", "startup", "pushing", "admission"},
    {"following"},
    {"reload", "scrape"},
    {"hop_times", "hop_ways", "inventory", "loading", "outputs", "injection"},
    {"settings", "sockets", "door", "descriptors", "sandbox"},
    {"naming", "hop_settings"},
    {"upstream", "capture", "telemetry", "pki", "netfilter", "kube", "cluster"},
    {"addon"},
    {"traffic", "redact", "converting"},
    {"policy"},
    {"problems"},
]
RANK = {part: rank for rank, row in enumerate(ORDER) for part in row}

# What stands to the right of the adapters is the model and the words it is made of, not how documents become one.
MODEL = {
    "model",
    "telemetry_model",
    "redaction_model",
    "route_model",
    "resilience_model",
    "tls_model",
    "forwarding_model",
    "hosts",
    "addresses",
}
DECIDERS = {
    "nameserver",
    "naming",
    "cli",
    "embedded",
    "app",
    "exec",
    "doctor",
    "backtest",
    "cluster",
    "converting",
    "following",
    "learning",
    "workers",
    "proxy",
    "admin",
    "reload",
    "startup",
    "injection",
    "inventory",
    "loading",
    "onward",
    "outputs",
    "policy",
}


def modules() -> list[str]:
    """The dotted names of every module under addons/outgate."""
    paths = (path.relative_to(ADDONS).with_suffix("") for path in sorted(PACKAGE.rglob("*.py")))
    return [".".join(path.parts) for path in paths]


def imported(source: str, module: str) -> Iterator[str]:
    """The absolute names that `module` imports; `from x import y` counts as `x.y`, which may be a module."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=origin, names=names, level=level):
                base = ".".join(filter(None, [*module.split(".")[:-level], origin])) if level else origin
                yield from (f"{base}.{name.name}" for name in names)
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]
            ):
                if called in {"import_module", "__import__"}:
                    yield name


def problem(module: str, name: str) -> str | None:
    """What is wrong with `module` importing `name`, or None. Modules are written with their `__init__`."""
    importer, target = [*module.split("."), ""][1], name.split(".")
    if target[0] == "mitmproxy" and importer != "proxy":
        return f"{module} imports {name}: only outgate.proxy may import mitmproxy"
    if target[0] != "outgate" or len(target) == 1 or target[1] in {importer, "__version__"}:
        return None
    if unknown := {importer, target[1]} - {*RANK, "__init__"}:
        return f"{module} imports {name}: say in ORDER where {', '.join(unknown)} stands"
    if importer == "__init__" or RANK[target[1]] <= RANK[importer]:
        return f"{module} imports {name}, which does not stand to its right"
    if target[1] == "policy" and importer not in DECIDERS and target[2:3] and target[2] not in MODEL:
        return f"{module} imports {name}: here only policy.{', policy.'.join(sorted(MODEL))} may be imported"
    return None


def problems(source: str, module: str) -> list[str]:
    return [found for name in imported(source, module) if (found := problem(module, name))]


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_what_stands_to_its_right(module):
    path = ADDONS.joinpath(*module.split(".")).with_suffix(".py")
    assert problems(path.read_text(encoding="utf-8"), module) == []


def test_every_part_of_the_package_has_its_place():
    parts = {module.split(".")[1] for module in modules()} - {"__init__"}
    assert parts <= RANK.keys(), "say in ORDER where it stands"
    assert "policy" in parts


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("outgate.policy.decide", "from outgate.proxy import view"),
        ("outgate.policy.decide", "from ..upstream.resolve import lookup"),
        ("outgate.policy.frontends.istio", "from ...app import build"),
        ("outgate.policy.frontends.__init__", "from ...app import build"),
        ("outgate.policy.model", "from .. import settings"),
        ("outgate.policy.model", "import outgate.traffic.buckets"),
        ("outgate.pki.files", "from outgate.upstream import tls"),
        ("outgate.traffic.buckets", "from outgate.redact import apply"),
        ("outgate.upstream.dial", "from outgate.policy.compile import compile"),
        ("outgate.upstream.dial", "from outgate.policy import decide"),
        ("outgate.upstream.dial", "from mitmproxy import http"),
        ("outgate.upstream.dial", "def late():\n    import mitmproxy.http"),
        ("outgate.cli.run", "import importlib\nimportlib.import_module('mitmproxy.master')"),
        ("outgate.app", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from outgate.cli.main import main"),
        ("outgate.problems", "from outgate.policy.model import Source"),
        ("outgate.__init__", "from outgate.problems import Problem"),
        ("outgate.cli.main", "from outgate.elsewhere import thing"),
    ],
)
def test_a_wrong_import_is_found(module, source):
    assert len(problems(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("outgate.cli.main", "from outgate import __version__"),
        ("outgate.cli.check", "from outgate.policy.compile import compile"),
        ("outgate.proxy.view", "from mitmproxy import http\nfrom ..policy.decide import decide"),
        ("outgate.upstream.dial", "from outgate.policy.model import Destination\nfrom ..policy import addresses"),
        ("outgate.capture.record", "from outgate.redact.apply import Redacted"),
        ("outgate.policy.compile", "from .frontends import native\nfrom ..problems import Problem"),
        ("outgate.problems", "import dataclasses"),
    ],
)
def test_a_right_import_passes(module, source):
    assert problems(source, module) == []


@pytest.mark.skipif(not (PACKAGE / "cli" / "main.py").exists(), reason="outgate/cli/main.py does not exist yet")
def test_the_command_line_does_not_load_mitmproxy():
    """`check` and `explain` answer at once because nothing of the data plane is imported before a command needs it."""
    script = "import sys, outgate.cli.main; print(*[name for name in sys.modules if name.split('.')[0] == 'mitmproxy'])"
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ADDONS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr
