"""`outgate test`: whether a policy does what its cases expect.

Owns which files are read, which policy each is about, and what is printed. What a case is, and what differs, is for
`outgate.policy.cases` to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click

from outgate.cli.check import count
from outgate.cli.check import line as problem_line
from outgate.cli.options import policy_options, read, settings_of
from outgate.cli.output import json_option, printable, show_json
from outgate.loading import setting_of
from outgate.policy import documents
from outgate.policy.attempts import Way
from outgate.policy.cases import Case, Known, Result, judge, read_cases
from outgate.policy.compile import load
from outgate.policy.model import Identity
from outgate.policy.plain import plain
from outgate.problems import PolicyError, Problem
from outgate.settings import Settings

DIFFERENT, UNREADABLE = 1, 2


@dataclass(frozen=True, slots=True)
class Suite:
    """Files of cases and the settings of the policy that they are about."""

    settings: Settings
    files: tuple[Path, ...]


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@policy_options
@click.option("-v", "--verbose", is_flag=True, help="List the cases that are as expected, too.")
@json_option
@click.pass_context
def test(
    ctx: click.Context,
    paths: tuple[Path, ...],
    policy: tuple[Path, ...],
    strict: bool | None,
    pairs: tuple[str, ...],
    verbose: bool,
    output: str | None,
) -> None:
    """Try a policy on the cases that are written beside it, in files that are called *.test.yaml.

    PATH is such a file, or a directory that is searched for them; ./policy without one. They are about the policy in
    the directory that is searched, or that the file stands in, unless --policy names another.

    Exits 0 when every case is as expected, 1 when one is not, 2 when a policy or a file of cases cannot be used.
    """
    try:
        results = [result for suite in suites(paths, policy, strict, pairs) for result in run(suite, _known(pairs))]
    except PolicyError as error:
        for problem in error.problems:
            click.echo(problem_line(problem), err=True)
        ctx.exit(UNREADABLE)
    if output == "json":
        show_json(content(results))
    else:
        for line in lines(results, verbose=verbose):
            click.echo(line)
    ctx.exit(0 if all(result.passed for result in results) else DIFFERENT)


def suites(paths: Sequence[Path], policy: Sequence[Path], strict: bool | None, pairs: Sequence[str]) -> Iterator[Suite]:
    """What there is to run. Where there is nothing, the command ends with code 2."""
    given = policy or read(pairs).policy
    if given or not paths:
        settings = settings_of(given, strict, pairs)
        yield Suite(settings, _files(paths or settings.policy))
        return
    for path in paths:
        files = _files((path,))
        yield Suite(settings_of((path if path.is_dir() else path.parent,), strict, pairs), files)


def run(suite: Suite, known: Known) -> Iterator[Result]:
    """Every case under its policy. Raises `PolicyError` with the problems of all files, and else of the policy."""
    cases = _cases(suite.files)
    policy = load(suite.settings.policy, setting_of(suite.settings))
    way = Way.of(suite.settings.mode)
    return (judge(policy, case, known, way) for case in cases)


def lines(results: Sequence[Result], *, verbose: bool) -> Iterator[str]:
    for result in results:
        if result.passed and verbose:
            decision = result.decision
            yield printable(f"ok {result.case.where}: {result.case.title}: {decision.verdict} {decision.code}")
        yield from map(problem_line, result.differences)
    failed = sum(not result.passed for result in results)
    files = len({result.case.where.file for result in results})
    said = f"{failed} not as expected" if failed else "all as expected"
    yield f"{count(len(results), 'case')} in {count(files, 'file')}, {said}"


def content(results: Sequence[Result]) -> dict[str, Any]:
    """The same as `lines`, as data."""
    failed = sum(not result.passed for result in results)
    return {"cases": len(results), "failed": failed, "results": [_result(result) for result in results]}


def _result(result: Result) -> dict[str, Any]:
    decision = result.decision
    return {
        "case": result.case.title,
        "where": plain(result.case.where),
        "passed": result.passed,
        "verdict": str(decision.verdict),
        "code": str(decision.code),
        "reason": decision.reason,
        "source": plain(decision.source),
        "differences": plain(result.differences),
    }


def _files(paths: Sequence[Path]) -> tuple[Path, ...]:
    for path in paths:
        if not path.exists():
            raise click.UsageError(f'"{path}" does not exist; name a file or a directory')
    try:
        found = [file for path in paths for file in ([path] if path.is_file() else documents.tests(path))]
    except PolicyError as error:
        raise click.UsageError(str(error)) from error
    if not found:
        where = ", ".join(map(str, paths))
        raise click.UsageError(f"there are no cases in {where}; write some into a file that is called NAME.test.yaml")
    return tuple(dict.fromkeys(found))


def _cases(files: Sequence[Path]) -> list[Case]:
    cases, problems = list[Case](), list[Problem]()
    for file in files:
        try:
            cases += read_cases(documents.read(file), str(file))
        except PolicyError as error:
            problems += error.problems
    if problems:
        raise PolicyError(problems)
    return cases


def _known(pairs: Sequence[str]) -> Known:
    """Callers as the gate's settings would declare them."""

    @cache
    def known(caller: str | None) -> Identity:
        namespace, _, account = (caller or "").partition("/")
        declared = [f"workload_namespace={namespace}", f"workload_service_account={account}"] if caller else []
        return read((*pairs, *declared)).workload

    return known
