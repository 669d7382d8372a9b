"""Manifests as people have them, and what the injection made of each.

Owns where they are, the settings they are injected by, and the golden files beside them. `OUTGATE_REFRESH=1` writes
those anew.
"""

from __future__ import annotations

import os
from pathlib import Path

from outgate.injection import config
from outgate.injection.files import File, changed

HERE = Path(__file__).parent
MANIFESTS = sorted(path for path in (HERE / "manifests").iterdir() if path.is_file())
GOLDEN = HERE / "golden"
SETTINGS = config.from_text("image: registry.example/outgate:1.0\n", "injection.yaml")
REFRESH = os.environ.get("OUTGATE_REFRESH") == "1"


def text(path: Path) -> str:
    """As it is, the ends of its lines included."""
    return path.read_bytes().decode("utf-8")


def injected(path: Path) -> File:
    """What the command prints and tells of a file."""
    return changed(text(path), path.name, SETTINGS)


def told(file: File) -> str:
    return "".join(f"{problem.severity.name.lower()}: {problem}\n" for problem in file.problems)


def expected(name: str, found: str) -> str:
    """The golden file of that name; empty where there is none."""
    path = GOLDEN / name
    if REFRESH:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        if found:
            path.write_bytes(found.encode("utf-8"))
    return text(path) if path.exists() else ""
