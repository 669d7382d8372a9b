"""Values as Prometheus reads them: its text format, version 0.0.4.

Owns the format. Made piece by piece, for a page may have many megabytes and whoever makes it has other work.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.telemetry.aggregate import Labels, Scraped, Value
from outgate.telemetry.names import SPECS, Kind, Spec

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PIECE = 64 * 1024
"""Characters after which a piece ends."""
TYPES = {Kind.COUNTER: "counter", Kind.HISTOGRAM: "histogram", Kind.LEVEL: "gauge", Kind.MARK: "gauge"}


def exposition(scraped: Scraped) -> Iterator[bytes]:
    """The page, in pieces. Metrics come in the order of `names`, labels without a value are left out."""
    lines: list[str] = []
    size, texts = 0, dict[Labels, str]()
    for spec in SPECS.values():
        if not (series := scraped.get(spec.name)):
            continue
        lines.append(f"# HELP {spec.name} {spec.help}\n# TYPE {spec.name} {TYPES[spec.kind]}\n")
        for labels, value in series.items():
            if (text := texts.get(labels)) is None:
                text = texts[labels] = _labels(labels)
            lines.append(_series(spec, text, value))
            size += len(lines[-1])
            if size > PIECE:
                yield "".join(lines).encode()
                lines, size = [], 0
    yield "".join(lines).encode()


def _series(spec: Spec, labels: str, value: Value) -> str:
    if not isinstance(value, list):
        return f"{spec.name}{{{labels}}} {_number(value)}\n" if labels else f"{spec.name} {_number(value)}\n"
    inside = f"{labels}," if labels else ""
    begun = f'{spec.name}_bucket{{{inside}le="'
    lines, total = [], 0.0
    for bound, count in zip(spec.bounds, value, strict=False):
        total += count
        lines.append(f'{begun}{_number(bound)}"}} {_number(total)}\n')
    total += value[-2]
    after = f"{{{labels}}}" if labels else ""
    lines.append(f'{begun}+Inf"}} {_number(total)}\n')
    lines.append(f"{spec.name}_sum{after} {_number(value[-1])}\n{spec.name}_count{after} {_number(total)}\n")
    return "".join(lines)


def _labels(labels: Labels) -> str:
    pairs = zip(*labels, strict=True)
    return ",".join(f'{name.replace(".", "_")}="{_escaped(printable(value))}"' for name, value in pairs if value)


def printable(value: str) -> str:
    """Without what a terminal would obey, and what UTF-8 cannot say."""
    return value if value.isprintable() else "".join(char if char.isprintable() else "?" for char in value)


def _escaped(value: str) -> str:
    """Quotes would end the value."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    whole = int(value)
    return str(whole) if whole == value else repr(value)
