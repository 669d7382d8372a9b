"""Debian's promtool, asked whether rules are right, do what they should, and whether expressions return data.

Owns the running of it and the files that it reads. Knows no metrics and no dashboards.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0

needed = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")


def check(rules: Path) -> str:
    """What is wrong with a rules file, in promtool's words; empty where nothing is."""
    return _said("check", "rules", "--lint=all", "--lint-fatal", str(rules))


def tried(file: Path) -> str:
    """How a file of rule tests fails; empty where it does not."""
    return _said("test", "rules", str(file))


def lint(page: str) -> str:
    """What is wrong with a page of metrics, in promtool's words; that Istio counts in milliseconds is not."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return "\n".join(line for line in f"{done.stdout}{done.stderr}".splitlines() if "milliseconds" not in line)


def syntax(folder: Path, expressions: Sequence[str]) -> str:
    """What promtool finds in expressions, each of which is made a rule of a file in `folder`."""
    rules = [{"record": f"expression:{number}", "expr": each} for number, each in enumerate(expressions)]
    file = folder / "expressions.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "expressions", "rules": rules}]}), encoding="utf-8")
    return _said("check", "rules", str(file))


def without_data(folder: Path, expressions: Sequence[str], series: Mapping[str, str], at: str) -> str:
    """Which expressions return nothing but NaN at the time `at`, where there are these series, one value a minute."""
    tests = [
        {
            # NaN is greater than nothing.
            "expr": f"count(({each}) > -Inf) > bool 0",
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for each in expressions
    ]
    group: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": tests,
    }
    file = folder / "expressions.test.json"
    file.write_text(json.dumps({"rule_files": [], "tests": [group]}), encoding="utf-8")
    return tried(file)


def _said(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}" or f"exit code {done.returncode}"
