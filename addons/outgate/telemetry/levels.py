"""How much is logged, and what must never be logged more of.

Owns the loggers that print what workloads send, and where they stand; everything else may be changed while the gate
runs. Knows nothing of who asks.
"""

from __future__ import annotations

import difflib
import logging

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "DEFAULT")
"""What a logger may be set to; `DEFAULT` is as at the start."""
OURS = "outgate"
SILENT = logging.CRITICAL + 1
LEAST = {
    "mitmproxy": SILENT,
    "mitmproxy.tools": logging.INFO,  # where a page is, and that it cannot listen
    "h2": logging.ERROR,
    "hpack": logging.ERROR,
    "asyncio": logging.ERROR,
}
"""mitmproxy's log prints incomplete request heads and addresses, those of HTTP/2 and asyncio what they cannot read;
what matters of it is in the access log. They and all below them say no more than this."""


def silence() -> None:
    """Puts them there."""
    for name, level in LEAST.items():
        logging.getLogger(name).setLevel(level)


def set_level(level: str, name: str = OURS) -> str:
    """Sets the level of a logger that exists, and of those below it that have none of their own. Returns why it is
    refused; empty where it is done."""
    if level not in LEVELS:
        return f'"{level}" is no level; use one of {", ".join(LEVELS)}'
    number = logging.NOTSET if level == "DEFAULT" else logging.getLevelNamesMapping()[level]
    if why := _refusal(number, name):
        return why
    least = LEAST.get(name)
    logging.getLogger(name).setLevel(least if least is not None and level == "DEFAULT" else number)
    return ""


def _refusal(number: int, name: str) -> str:
    if name in ("", "root"):
        return f"the root logger stands above those that print what workloads send; name another, such as {OURS}"
    known = logging.root.manager.loggerDict
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        return f'there is no logger "{name}"; ' + (f'did you mean "{close[0]}"?' if close else f"{OURS} is one")
    above = next((each for each in LEAST if name == each or name.startswith(f"{each}.")), None)
    if above is None or number == logging.NOTSET or number >= LEAST[above]:
        return ""
    least = "nothing" if LEAST[above] == SILENT else f"{logging.getLevelName(LEAST[above])} and above"
    return f'"{name}" prints what workloads send, so it says {least}; nothing raises that'
