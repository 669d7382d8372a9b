"""Becoming a worker: the process that has loaded the program waits for seats, and forks for each.

Owns the forks. It has one thread and no event loop when it does, and a worker is the supervisor's child: whoever forks
stands in between for a moment.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
import time

from outgate.workers.bonds import die_with_supervisor
from outgate.workers.seat import Seat

log = logging.getLogger(__name__)

ADOPTED = 5.0
"""Seconds for the kernel to make a worker the supervisor's child."""


def next_seat(control: socket.socket) -> Seat | None:
    """Returns in each new worker, with its seat; in this process None, once the supervisor is gone."""
    supervisor = os.getppid()
    gc.freeze()  # what is loaded is shared, as long as the collector does not write to it
    while (seat := Seat.take(control)) is not None:
        try:
            if _forked():
                control.close()
                _settle(seat, supervisor)
                return seat
        except OSError as error:  # told to the supervisor by the end of the seat's socket
            log.error("a worker could not be forked: %s", error)
        seat.close()
    return None


def _forked() -> bool:
    """Whether this is the new process. Raises `OSError`."""
    if between := os.fork():
        os.waitpid(between, 0)
        return False
    try:
        worker = os.fork()
    except OSError:
        os._exit(1)
    if worker:
        os._exit(0)
    return True


def _settle(seat: Seat, supervisor: int) -> None:
    """Be the supervisor's child, end with it, and say so. Nobody is served by a worker of which nobody knows."""
    until = time.monotonic() + ADOPTED
    while os.getppid() != supervisor and time.monotonic() < until:
        time.sleep(0.001)
    try:
        die_with_supervisor()
        if os.getppid() == supervisor:
            seat.control.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
            return
    except OSError:
        pass
    os._exit(1)
