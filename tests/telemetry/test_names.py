"""The documentation has every metric, as the code says it. OUTGATE_REFRESH=1 writes the table anew."""

import os
from pathlib import Path

import pytest

from outgate.telemetry.names import CALLER, DESTINATION, ISTIO_HTTP, ISTIO_TCP, SPECS, Kind
from outgate.telemetry.own import ARRIVED, INCIDENTS, KEPT, LOST

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"
BEGIN, END = "<!-- metrics -->\n", "<!-- /metrics -->"
KINDS = {Kind.LEVEL: "gauge", Kind.MARK: "gauge"}
SHARED = {ISTIO_HTTP: "Istio's, HTTP", ISTIO_TCP: "Istio's, TCP"}


def table():
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for name, spec in SPECS.items():
        labels = SHARED.get(spec.labels) or ", ".join(f"`{label.replace('.', '_')}`" for label in spec.labels)
        kind = KINDS.get(spec.kind, str(spec.kind))
        rows.append(f"| `{name}` | {kind} | {labels} | {spec.help} |")
    return "\n".join(rows) + "\n"


def test_the_table_is_what_the_code_says():
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    written = f"{head}{BEGIN}{table()}{END}{tail}"
    if os.environ.get("OUTGATE_REFRESH") == "1":
        PAGE.write_text(written, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("label", sorted({*ISTIO_HTTP, *LOST, *ARRIVED, *KEPT, *INCIDENTS}))
def test_the_page_speaks_of_each_label_and_count(label):
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{label}`" in text


def test_there_are_istios_25_labels_and_one_of_each():
    assert len(ISTIO_HTTP) == len(set(ISTIO_HTTP)) == 25
    assert {*CALLER, *DESTINATION} < {*ISTIO_TCP} < {*ISTIO_HTTP}
