"""`python -m e2e.soak --minutes 30 --seed 7`, as root, from `tests/` with the source root on the path."""

from __future__ import annotations

import argparse
import json
import random
import sys

from e2e.lab import world
from e2e.lab.namespaces import Lab, unavailable
from e2e.lab.origins import LabOrigins

from .outages import late, shown
from .run import failures, soak


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
    sys.stderr.write(shown(found["outages"]))
    wrong = failures(found) + [f"service was not back in time after {kind}" for kind in late(found["outages"])]
    sys.stderr.write("".join(f"{line}\n" for line in wrong) or f"nothing wrong in {found['requests']} requests\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
