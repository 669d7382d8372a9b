"""What the documentation has people tell Helm and Prometheus: values that the chart takes, metrics that there are."""

import re
import shlex
from itertools import pairwise

import pytest
import yaml

from docpages.markdown import ROOT, Page, pages
from helm import charts, promql
from helm import values as source
from outgate.telemetry import names

PAGES = [*pages(), Page("helm/outgate/README.md")]
OPERATIONS = Page("docs/operations.md")
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
"""Those within lists, too."""
BLOCKS = [text for page in PAGES for text in BLOCK.findall(page.text)]
COMMANDS = list(
    dict.fromkeys(
        line.strip()
        for text in BLOCKS
        for line in text.replace("\\\n", " ").splitlines()
        if re.match(r"\s*helm (install|upgrade) ", line)
    )
)
GATEWAY = {"workloads": {"namespaces": ["shop"]}, "gateway": {"enabled": True, "identity": {"secret": "identity"}}}
"""What a release has already whose values are used again."""


def plain(text):
    """A value as `--set` reads it: a list in braces, true and false, a number, or a text."""
    if text.startswith("{"):
        return [plain(part) for part in text.strip("{}").split(",")]
    return int(text) if text.isdigit() else {"true": True, "false": False}.get(text, text)


def values(command):
    """What a command sets, over what a release has."""
    words, found = shlex.split(command), {}
    for flag, word in pairwise(words):
        if flag in ("--set", "--set-file"):
            name, _, text = word.partition("=")
            *path, last = name.split(".")
            inner = found
            for key in path:
                inner = inner.setdefault(key, {})
            inner[last] = plain(text) if flag == "--set" else "PEM"
    return (GATEWAY if "--reuse-values" in words else {}) | found


def test_there_are_commands():
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_helm_takes_the_values_of_a_command(command):
    words = shlex.split(command)
    assert words[2:4] == ["outgate", "helm/outgate"]
    assert words[words.index("--namespace") + 1] == charts.NAMESPACE
    with charts.helm().Chart.load(ROOT / "helm" / "outgate") as chart:
        chart.validate_schema(values(command))
    assert charts.manifests(values(command))


@pytest.mark.parametrize("block", OPERATIONS.blocks("yaml"), ids=lambda block: f"{block.line}")
def test_the_chart_takes_values_that_are_shown(block):
    assert charts.manifests(GATEWAY | yaml.safe_load(block.text))


def test_values_that_the_page_names_are_there():
    known = {value.name for value in source.values()}
    sections = {name.partition(".")[0] for name in known if "." in name}
    named = [word for quoted in OPERATIONS.quoted() for word in re.findall(r"^\w+(?:\.\w+)+", quoted)]
    named = [name for name in named if name.partition(".")[0] in sections and name != "ca.crt"]
    assert named
    assert [name for name in named if name not in known] == []


def test_the_budgets_alert_is_of_metrics_that_there_are():
    (query,) = (text for text in BLOCKS if "istio_request_bytes" in text)
    spec = names.SPECS["istio_request_bytes"]
    assert promql.metrics(query) == {"istio_request_bytes"}
    assert promql.labels(query) <= {label.replace(".", "_") for label in spec.labels}
