"""Measurements as a Markdown table and as a chart of ratios. Owns medians and their drawing; measures nothing."""

from __future__ import annotations

import statistics
from html import escape
from typing import Any

type Found = dict[str, dict[str, list[dict[str, Any]]]]
"""By row, then by proxy: one entry a round."""

BAR, GAP, LEFT, WIDTH = 16, 30, 330, 420
COLOURS = ("#9aa5b1", "#c98b2b", "#7b8ecb", "#2f7d5b", "#a0567a")


def table(title: str, found: Found, base: str) -> str:
    """Requests a second, what they are to `base`'s, latency, processor time a request, and memory."""
    lines = [f"## {title}", ""]
    for row, by_proxy in found.items():
        lines += [f"### {row}", "", f"| | requests/s | to {base} | p50 ms | p99 ms | CPU ms a request | RSS MB |"]
        lines.append("|---|---|---|---|---|---|---|")
        lines += [_line(name, entries, by_proxy.get(base)) for name, entries in by_proxy.items()]
        lines.append("")
    return "\n".join(lines)


def rate(entries: list[dict[str, Any]]) -> float:
    return statistics.median(entry["requests"] / entry["seconds"] for entry in entries)


def _line(name: str, entries: list[dict[str, Any]], base: list[dict[str, Any]] | None) -> str:
    def middle(key: str) -> float:
        return statistics.median(entry[key] for entry in entries)

    cpu = statistics.median(1000 * entry["cpu"] / max(1, entry["requests"]) for entry in entries)
    ratio = f"{rate(entries) / rate(base):.2f}" if base else ""
    cells = (f"{rate(entries):.0f}", ratio, f"{middle('p50_ms'):.2f}", f"{middle('p99_ms'):.2f}", f"{cpu:.2f}")
    return f"| {name} | {' | '.join(cells)} | {middle('rss_mb'):.0f} |"


def chart(title: str, found: Found, base: str) -> str:
    """Bars of the ratio to `base`, cut off at 10."""
    parts, y = [], 40
    for row, by_proxy in found.items():
        parts.append(f'<text x="10" y="{y + 12}" font-weight="bold">{escape(row)}</text>')
        y += 20
        for number, (name, entries) in enumerate(by_proxy.items()):
            ratio = rate(entries) / rate(by_proxy[base]) if base in by_proxy else 0.0
            width = WIDTH * min(ratio, 10.0) / 10.0
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f'<text x="20" y="{y + 12}">{escape(name)}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{ratio:.2f}</text>')
            y += BAR
        y += GAP - BAR
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{y}" font-family="sans-serif"'
    caption = f'<text x="10" y="22" font-size="15">{escape(title)}: requests a second, to {escape(base)}</text>'
    return f'{head} font-size="12">{caption}{"".join(parts)}</svg>\n'
