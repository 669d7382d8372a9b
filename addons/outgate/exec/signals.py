"""Signals that the gate gets and the command should.

Owns who sent one: what the terminal sends goes to every process in the foreground, so the command has it already; what
somebody sends to the gate alone is passed on. Nothing of it ends the gate, which ends with the command.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

PASSED = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM}
)


def hold() -> None:
    """From here on these signals wait, to the end. To be called before there are threads, which inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED)


def pass_on(deliver: Callable[[int], None]) -> None:
    """Hand on what comes, from a thread that ends with the process."""
    threading.Thread(target=_pass_on, args=(deliver,), name="signals", daemon=True).start()


def _pass_on(deliver: Callable[[int], None]) -> None:
    while True:
        came = signal.sigwaitinfo(PASSED)
        if came.si_code <= 0:  # sent by a process; above are the kernel's, the terminal's among them
            deliver(came.si_signo)
