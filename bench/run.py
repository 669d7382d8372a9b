"""`make bench`: one origin, one load, and between them no proxy, squid, stock mitmdump and outgate, in namespaces.

Owns the sections, the rounds and their order. Proxies run on one core, load and origin on the other; rows and rounds
are interleaved and medians are compared, for machines are noisy: read the ratios. Writes bench/results/ when
everything was measured, or where it is told to. docs/benchmark.md says what each row is and is not.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import captures  # noqa: E402 - the path comes first
import exports  # noqa: E402
import loading  # noqa: E402
import webhook  # noqa: E402
from conditions import conditions  # noqa: E402
from loads import Span  # noqa: E402
from memory import Amounts, held, served  # noqa: E402
from origins import start  # noqa: E402
from place import LOAD_CORE, Place  # noqa: E402
from policies import NONE, governed  # noqa: E402
from policies import PROMISES as GOVERNED  # noqa: E402
from proxies import STOCK, Proxy, outgate, proxies  # noqa: E402
from redaction import ROWS, tables  # noqa: E402
from report import Bars, Found, Promise, chart, memory_bars, memory_table, promises, ratios, table  # noqa: E402
from rows import HELD, LONG, NAMES, SCALE, TOLD, Row, chosen, label, rows  # noqa: E402
from variants import OFF, PROMISES, variants  # noqa: E402

from e2e.lab import world  # noqa: E402 - the path comes first
from e2e.lab.namespaces import Lab, unavailable  # noqa: E402

WARM = 0.5
"""Seconds of a load that is not counted, before one that is."""
MOST = 10.0
"""Where bars of ratios are cut off."""


@dataclass(frozen=True)
class Section:
    """Proxies that are compared in some rows, and those that the others are compared to."""

    title: str
    among: list[Proxy]
    rows: tuple[Row, ...]
    bases: tuple[str, ...]
    promises: tuple[Promise, ...] = ()
    most: float = MOST

    def text(self, found: Found) -> str:
        """The tables."""
        parts = [table(found, *self.bases), *([promises(found, self.promises)] if self.promises else [])]
        return "\n".join(parts)


def compare(place: Place, section: Section, rounds: int, span: Span, warm: Span) -> Found:
    """Row by row, one proxy right after the other while the others are idle; who is first changes with the round. A
    rival that fails in a row has no line there, and what is measured of the others stays."""
    found: Found = {row.name: {} for row in section.rows}
    failed: set[tuple[str, str]] = set()
    for number in range(rounds):
        with ExitStack() as running:
            started = [(proxy, running.enter_context(place.running(proxy))) for proxy in section.among]
            turn = number % len(started)
            for row in section.rows:
                for proxy, pid in started[turn:] + started[:turn]:
                    if row.kind not in proxy.kinds or (row.name, proxy.name) in failed:
                        continue
                    place.turn(proxy)
                    try:
                        entry = place.measure(proxy, row, pid, span, warm)
                    except RuntimeError as error:
                        if not proxy.rival:
                            raise
                        failed.add((row.name, proxy.name))
                        found[row.name].pop(proxy.name, None)
                        sys.stderr.write(f"\nno measurement of {error}\n")
                        continue
                    found[row.name].setdefault(proxy.name, []).append(entry)
                    sys.stderr.write(".")
                    sys.stderr.flush()
    sys.stderr.write("\n")
    return {row: {name: found[row][name] for name in _names(section) if name in found[row]} for row in found}


def _names(section: Section) -> list[str]:
    return list(dict.fromkeys(proxy.name for proxy in section.among))


def sections(place: Place, asked: argparse.Namespace) -> Iterator[Section]:
    """Those of which rows are asked for. What cannot be measured here is left out, and says why."""
    folder, pki = place.folder, place.pki
    every = chosen("proxies", rows(asked.megabytes), asked.rows)
    for row in (row for row in every if row.kind in place.origins.lacking):
        sys.stderr.write(f"left out: {row.name}: {place.origins.lacking[row.kind]}\n")
    if here := tuple(row for row in every if row.kind not in place.origins.lacking):
        yield Section("Proxies", proxies(folder, pki), here, (STOCK,))
    if told := chosen("telemetry", TOLD, asked.rows):
        yield Section("Telemetry", variants(folder, pki), told, (OFF, STOCK), PROMISES, most=1.25)
    if kept := chosen("capture", TOLD, asked.rows):
        bases = captures.OFF, captures.OFF_FREE
        yield Section("Capture", captures.captures(folder, pki), kept, bases, captures.PROMISES, most=1.25)
    if told := chosen("policies", TOLD, asked.rows):
        yield Section("Policies", governed(folder, pki), told, (NONE, STOCK), GOVERNED, most=1.25)
    if scale := chosen("registry", SCALE, asked.rows):
        sizes = [outgate(folder, pki, entries, port=port) for entries, port in ((10, 15001), (10_000, 15006))]
        yield Section("Registry", sizes, scale, (sizes[0].name,))
    if scale := chosen("workers", SCALE, asked.rows):
        workers = [outgate(folder, pki, 200, count, port) for count, port in ((1, 15001), (2, 15006))]
        yield Section("Workers", workers, scale, (workers[0].name,))


def memory(place: Place, asked: argparse.Namespace, report: Report) -> None:
    among = [proxy for proxy in proxies(place.folder, place.pki) if "plain" in proxy.kinds and proxy.ports]
    amounts = Amounts(asked.connections, asked.memory_requests, asked.settle)
    wanted = chosen("memory", (HELD, LONG), asked.rows)
    connections = {proxy.name: held(place, proxy, amounts) for proxy in among if HELD in wanted}
    requests = {proxy.name: served(place, proxy, amounts) for proxy in among if LONG in wanted}
    if bars := memory_bars(connections, requests):
        most = max(value for by_proxy in bars.values() for value in by_proxy.values())
        text = memory_table(connections, requests, STOCK)
        report.show("Memory", "1 round", text, "resident MiB", bars, most, ".0f")


@dataclass(frozen=True)
class Report:
    """Where results go: to standard output, and to `folder` if there is one."""

    conditions: str
    folder: Path | None

    def show(
        self, title: str, amounts: str, text: str, caption: str, bars: Bars, most: float = MOST, form: str = ".2f"
    ) -> None:
        self.tell(title, amounts, text)
        if self.folder:
            (self.folder / f"{title.lower()}.svg").write_text(chart(f"{title}: {caption}", bars, most, form))

    def tell(self, title: str, amounts: str, text: str) -> None:
        """Without a chart."""
        page = f"## {title}\n\n{self.conditions}; {amounts}.\n\n{text}"
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{title.lower()}.md").write_text(page)
        sys.stdout.write(page + "\n")
        sys.stdout.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Side by side; read the ratios.")
    parser.add_argument("--rows", nargs="+", default=[], metavar="TEXT", help="only rows with one of these in the name")
    parser.add_argument("--list", action="store_true", help="name the rows, and measure nothing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row, proxy and round")
    parser.add_argument("--requests", type=int, default=0, help="so many instead of seconds, unwarmed")
    parser.add_argument("--megabytes", type=int, default=100, help="of large bodies")
    parser.add_argument("--connections", type=int, default=2000, help="idle ones, while memory is read")
    parser.add_argument("--memory-requests", type=int, default=100_000, help="while memory is read ten times")
    parser.add_argument("--exchanges", type=int, default=100_000, help="of a capture that is exported")
    parser.add_argument("--reviews", type=int, default=5000, help="that the webhook answers, of each sort of pod")
    parser.add_argument("--documents", type=int, default=2000, help="of a policy that is checked and reloaded")
    parser.add_argument("--settle", type=float, default=3.0, help="seconds before memory is read")
    parser.add_argument("--into", type=Path, help="where results go; without --rows it is bench/results")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    if asked.list:
        groups = {
            "proxies": rows(asked.megabytes),
            "telemetry": TOLD,
            "capture": TOLD,
            "policies": TOLD,
            "registry": SCALE,
            "workers": SCALE,
        }
        groups["memory"] = (HELD, LONG)
        groups |= {"redaction": ROWS, "export": exports.ROWS, "webhook": webhook.ROWS, "documents": loading.ROWS}
        sys.stdout.writelines(f"{label(section, row)}\n" for section, group in groups.items() for row in group)
        return 0
    if reason := unavailable():
        sys.stderr.write(f"the benchmark needs namespaces: {reason}\n")
        return 3
    # Two descriptors for each idle connection, in whatever is started from here.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    span = Span(asked.seconds, asked.requests)
    length = f"{asked.requests} requests" if asked.requests else f"{asked.seconds:g} s"
    amounts = f"{asked.rounds} round{'s' if asked.rounds > 1 else ''} of {length}"
    report = Report(conditions(), asked.into or (None if asked.rows else HERE / "results"))
    with _place() as place:
        for section in sections(place, asked):
            found = compare(place, section, asked.rounds, span, Span(0 if asked.requests else WARM))
            caption = f"to {section.bases[0]}, bars end at {section.most:g}"
            bars = ratios(found, section.bases[0])
            report.show(section.title, amounts, section.text(found), caption, bars, section.most)
        memory(place, asked, report)
    if wanted := chosen("redaction", ROWS, asked.rows):
        report.tell("Redaction", "1 round", tables(wanted))
    if wanted := chosen("export", exports.ROWS, asked.rows):
        report.tell("Export", "1 round", exports.tables(wanted, asked.exchanges))
    if wanted := chosen("webhook", webhook.ROWS, asked.rows):
        report.tell("Webhook", f"{asked.reviews} reviews", webhook.tables(wanted, asked.reviews))
    if wanted := chosen("documents", loading.ROWS, asked.rows):
        report.tell("Documents", f"{loading.ROUNDS} rounds", loading.tables(wanted, asked.documents))
    return 0


@contextmanager
def _place() -> Iterator[Place]:
    pki = world.make_pki()
    try:
        with tempfile.TemporaryDirectory(prefix="outgate-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with Lab({host: (address,) for host, address in NAMES.items()}) as lab:
                yield Place(lab, pki, start(lab, pki, folder, LOAD_CORE), folder)
    finally:
        world.remove_pki(pki)


if __name__ == "__main__":
    sys.exit(main())
