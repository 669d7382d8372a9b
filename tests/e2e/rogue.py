"""An origin that answers with exactly the bytes that it is given, whatever it is asked.

Owns one listener in the world and the connections to it, served one after another.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .lab.namespaces import Lab

PATIENCE = 10.0


@contextmanager
def rogue(lab: Lab, address: str, port: int, answer: bytes) -> Iterator[list[bytes]]:
    """Standing at an address of the world. Gives the first bytes of each connection, as they come."""
    lab.address(address)
    with lab.enter(lab.world):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, port), family=family)
    heard: list[bytes] = []
    serving = threading.Thread(target=_serve, args=(listener, answer, heard), daemon=True)
    serving.start()
    try:
        yield heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        serving.join(PATIENCE)
        listener.close()


def _serve(listener: socket.socket, answer: bytes, heard: list[bytes]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            client.settimeout(PATIENCE)
            try:
                heard.append(client.recv(65536))
                client.sendall(answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                continue
