"""What a gate may run in: outgate's own command, or one of mitmproxy's programs with `-s addons/egress.py`.

Owns the command line of the latter. Whether they become the same gate is for the tests to say.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

OWN = "outgate"
HOSTED = ("mitmdump", "mitmweb")
ENGINES = (OWN, *HOSTED)
ADDONS = Path(__file__).resolve().parents[3] / "addons"
EGRESS = ADDONS / "egress.py"
PASSWORD = "a-password-for-tests"
PAGE = 8081  # mitmweb's own choice, where nobody else has it


def hosted(
    program: str,
    mode: str,
    settings: Mapping[str, object],
    folder: Path,
    page: int = PAGE,
    script: Path = EGRESS,
    options: Sequence[str] = (),
) -> list[str]:
    """The command. `mode` is mitmproxy's, with an address; what mitmproxy writes goes into a directory of `folder`."""
    pairs = [f"outgate_{key}={value}" for key, value in settings.items()]
    pairs.append(f"confdir={folder / 'conf'}")
    if program == "mitmweb":
        pairs += [f"web_port={page}", f"web_password={PASSWORD}", "web_open_browser=false"]
    set_ = [part for pair in pairs for part in ("--set", pair)]
    binary = str(Path(sys.executable).with_name(program))
    return [sys.executable, binary, "-s", str(script), "--mode", mode, *set_, *options]
