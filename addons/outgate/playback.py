"""A capture replayed inside mitmweb: shown on its page, and answered from, while nothing goes to anybody else.

Owns how the parts of a replay go into a process that somebody else runs. There is no gate in it, and no policy.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from outgate.capture.serving.desk import desk
from outgate.capture.serving.places import Mode
from outgate.capture.serving.server import Server
from outgate.capture.told import Malformed
from outgate.pki.authority import CERTIFICATE_FILE
from outgate.pki.problem import CertificateProblem
from outgate.proxy.engine import Host
from outgate.proxy.replay_page import ReplayPage
from outgate.proxy.takeover import Refusal, mitmweb
from outgate.proxy.web import Web
from outgate.replaying import Plan, listening, source, trusted
from outgate.settings import ListenMode
from outgate.startup import UNABLE, WRONG

MODES = {ListenMode.REGULAR: Mode.REGULAR, ListenMode.TRANSPARENT: Mode.TRANSPARENT}
CERTS = Path("certs")
SCRIPT = Path(__file__).with_name("script.py")


class Playback:
    """See the module. `pairs` are settings of a gate, of which there are none here."""

    def __init__(self, capture: Path, mode: ListenMode, listen: tuple[str, int], pairs: Sequence[str]) -> None:
        self.capture, self.mode, self.listen, self.pairs = capture, mode, listen, pairs
        self.server: Server | None = None
        self.ending = ExitStack()

    def prepare(self) -> None:
        if self.pairs:
            name = self.pairs[0].partition("=")[0]
            raise Refusal(f'"outgate_{name}" is set with a replay, in which there is no gate; leave out one of them')
        if self.mode not in MODES:
            raise Refusal(f"a replay is reached by {' or '.join(MODES)}, not by {self.mode}")
        try:
            found = source(self.capture)
            self.desk = desk(found)
        except (OSError, Malformed) as error:
            raise Refusal(f"{self.capture} cannot be read: {error}") from error
        for problem in found.problems:
            _say(f"warning: {problem}")
        if not self.desk.matcher.entries:
            raise Refusal(f"{self.capture} holds no requests")

    async def start(self, host: Host, web: Web | None) -> None:
        assert isinstance(web, ReplayPage)
        directory = CERTS if (CERTS / CERTIFICATE_FILE).is_file() else None
        try:
            authority, file = self.ending.enter_context(trusted(directory))
            plan = Plan(self.desk, MODES[self.mode], authority, listening(*self.listen))
        except CertificateProblem as error:
            raise Refusal(str(error), WRONG) from error
        except OSError as error:
            raise Refusal(f"cannot listen: {error}", UNABLE) from error
        web.open(self.desk.matcher.entries)
        self.desk.watch = web.asked
        self.server = plan.server()
        self.server.start()
        _say(f"ready: {plan}, CA {file}")

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.close()
            for line in self.desk.tally.lines(self.desk.matcher.unused):
                _say(line)
        self.ending.close()


def run_web(capture: Path, mode: ListenMode, listen: tuple[str, int], page: tuple[str, int]) -> int:
    """mitmweb in this process, taken over for a replay."""
    return mitmweb(mode, listen, page, SCRIPT, {"replay": str(capture)})


def _say(line: str) -> None:
    sys.stderr.write("".join(char if char.isprintable() else "?" for char in line) + "\n")
    sys.stderr.flush()
