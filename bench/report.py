"""Measurements as Markdown tables and as charts. Owns medians, ratios and their drawing; measures nothing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

type Entry = dict[str, Any]
type Found = dict[str, dict[str, list[Entry]]]
"""By row, then by proxy: one entry a round."""
type Bars = dict[str, dict[str, float]]
"""By row, then by proxy."""

BAR, GAP, LEFT, WIDTH = 16, 30, 330, 420
COLOURS = ("#9aa5b1", "#c98b2b", "#7b8ecb", "#2f7d5b", "#a0567a")
HEAD = "p50 ms | p99 ms | CPU ms a request | core busy | RSS MiB |"


@dataclass(frozen=True)
class Promise:
    """That a proxy's rate is at least so many times another's."""

    name: str
    least: float
    to: str


def table(found: Found, *bases: str) -> str:
    """The rate, what it is to that of each of `bases` and between which rounds, latency, processor time, and memory
    after the row."""
    lines: list[str] = []
    for row, by_proxy in found.items():
        unit = (
            "MiB/s" if any(entry["megabytes"] for entries in by_proxy.values() for entry in entries) else "requests/s"
        )
        lines += [
            f"### {row}",
            "",
            f"| | {unit} | {''.join(f'to {base} | rounds | ' for base in bases)}{HEAD}",
            "|---" * (7 + 2 * len(bases)) + "|",
        ]
        others = [by_proxy.get(base, []) for base in bases]
        lines += [_line(name, entries, others) for name, entries in by_proxy.items()]
        lines.append("")
    return "\n".join(lines)


def ratios(found: Found, base: str) -> Bars:
    """Medians over the rounds; a row that `base` is not in has none."""
    return {
        row: {name: statistics.median(_ratios(entries, by_proxy[base])) for name, entries in by_proxy.items()}
        for row, by_proxy in found.items()
        if base in by_proxy
    }


def _ratios(entries: list[Entry], base: list[Entry]) -> list[float]:
    """Round by round: what was measured a moment apart is compared, and the machine's drift is in neither."""
    return [_rate(entry) / _rate(other) for entry, other in zip(entries, base, strict=True)]


def _rate(entry: Entry) -> float:
    return float(entry["requests"] * (entry["megabytes"] or 1) / entry["seconds"])


def _line(name: str, entries: list[Entry], bases: list[list[Entry]]) -> str:
    def middle(of: Callable[[Entry], float]) -> float:
        return statistics.median(map(of, entries))

    cells = (
        f"{middle(_rate):.0f}",
        *(cell for base in bases for cell in _compared(entries, base)),
        f"{middle(lambda entry: entry['p50_ms']):.2f}",
        f"{middle(lambda entry: entry['p99_ms']):.2f}",
        f"{middle(lambda entry: 1000 * entry['cpu'] / entry['requests']):.2f}",
        f"{middle(lambda entry: entry['cpu'] / entry['seconds']):.0%}",
        f"{middle(lambda entry: entry['rss']):.0f}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def _compared(entries: list[Entry], base: list[Entry]) -> tuple[str, str]:
    if not base:
        return "", ""
    among = _ratios(entries, base)
    return f"{statistics.median(among):.2f}", f"{min(among):.2f} to {max(among):.2f}"


def promises(found: Found, made: Iterable[Promise]) -> str:
    """What each of them came to in each row."""
    lines = [f"| promised | at least | {' | '.join(found)} |", "|---" * (len(found) + 2) + "|"]
    for one in made:
        kept = [ratios({row: found[row]}, one.to)[row][one.name] for row in found]
        cells = [f"{ratio:.2f}{'' if ratio >= one.least else ', missed'}" for ratio in kept]
        lines.append(f"| {one.name}, to {one.to} | {one.least:.2f} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def memory_table(held: dict[str, Entry], served: dict[str, Entry], base: str) -> str:
    """RSS in MiB, and what it is to `base`'s."""
    lines = []
    if held:
        connections = next(iter(held.values()))["connections"]
        lines += [f"### {connections:,} idle connections", ""]
        lines += [
            f"| | idle MiB | to {base} | with them MiB | to {base} | KiB a connection |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_held(name, entry, held.get(base)) for name, entry in held.items()] + [""]
    if served:
        first = next(iter(served.values()))
        step = first["requests"] // len(first["samples"])
        steps = " | ".join(f"{step * number:,}" for number in range(1, len(first["samples"]) + 1))
        lines += [f"### {first['requests']:,} requests, a connection for 100", ""]
        lines += [f"| MiB after | {steps} | growth since {step:,} | at the end to {base} |"]
        lines += ["|---" * (len(first["samples"]) + 3) + "|"]
        lines += [_served(name, entry, served.get(base)) for name, entry in served.items()] + [""]
    return "\n".join(lines)


def memory_bars(held: dict[str, Entry], served: dict[str, Entry]) -> Bars:
    """RSS in MiB."""
    bars = {
        "idle": {name: entry["idle"] for name, entry in held.items()},
        "with idle connections": {name: entry["held"] for name, entry in held.items()},
        "after the requests": {name: entry["samples"][-1] for name, entry in served.items()},
    }
    return {row: by_proxy for row, by_proxy in bars.items() if by_proxy}


def _held(name: str, entry: Entry, base: Entry | None) -> str:
    each = (entry["held"] - entry["idle"]) * 1024 / entry["connections"]
    idle, full = (f"{entry[key] / base[key]:.2f}" if base else "" for key in ("idle", "held"))
    return f"| {name} | {entry['idle']:.0f} | {idle} | {entry['held']:.0f} | {full} | {each:.0f} |"


def _served(name: str, entry: Entry, base: Entry | None) -> str:
    samples = entry["samples"]
    growth = f"{samples[-1] - samples[0]:+.1f}"
    ratio = f"{samples[-1] / base['samples'][-1]:.2f}" if base else ""
    return f"| {name} | {' | '.join(f'{sample:.0f}' for sample in samples)} | {growth} | {ratio} |"


def chart(caption: str, bars: Bars, most: float, form: str = ".2f") -> str:
    """A bar for each value, cut off at `most`, with the value beside it."""
    parts, y = [], 40
    for row, by_proxy in bars.items():
        parts.append(f'<text x="10" y="{y + 12}" font-weight="bold">{escape(row)}</text>')
        y += 20
        for number, (name, value) in enumerate(by_proxy.items()):
            width = WIDTH * min(value / most, 1.0)
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f'<text x="20" y="{y + 12}">{escape(name)}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{value:{form}}</text>')
            y += BAR
        y += GAP - BAR
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{y}" font-family="sans-serif"'
    title = f'<text x="10" y="22" font-size="15">{escape(caption)}</text>'
    return f'{head} font-size="12">{title}{"".join(parts)}</svg>\n'
