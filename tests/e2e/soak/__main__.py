"""`python -m e2e.soak --minutes 30 --seed 7`, as root, from `tests/` with the source root on the path."""

from __future__ import annotations

import argparse
import json
import random
import sys

from e2e.lab import world
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins

from .run import soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description="Random faults under load, judged by a table.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    asked = parser.parse_args()
    if reason := unavailable():
        sys.stderr.write(f"a soak needs namespaces: {reason}\n")
        return 3
    pki = world.make_pki()
    try:
        with Lab(world.NAMES) as lab, LabOrigins(lab, world.cast(pki)) as origins:
            found = soak(lab, origins, pki, asked.minutes * 60, asked.seed)
    finally:
        world.remove_pki(pki)
    sys.stdout.write(json.dumps(found | {"seed": asked.seed}, indent=1) + "\n")
    return 1 if found["wrong"] or found["packets_to_unapproved"] or found["tracebacks"] else 0


if __name__ == "__main__":
    sys.exit(main())
