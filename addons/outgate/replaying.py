"""A replay put together: what is served, the CA that it is trusted by, the sockets, and its life.

Owns the choice of a reader by the looks of a file. How a request finds its answer, and how that is sent, are
`outgate.capture`'s.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from outgate import sockets
from outgate.capture.formats.har_reading import HarFile
from outgate.capture.formats.reading import Source
from outgate.capture.reading import MAGIC, Capture
from outgate.capture.serving.desk import Desk
from outgate.capture.serving.places import Mode
from outgate.capture.serving.server import Server, Site
from outgate.pki import pem
from outgate.pki.authority import CERTIFICATE_FILE, KEY_FILE, Authority, create_authority, load_authority
from outgate.pki.leaf import LeafCache
from outgate.proxy.original import original_destination

LOOK = 4096
RECORD = b'"schema"'
BOM = b"\xef\xbb\xbf"
LIFE = 7
"""Days that a CA of one replay is valid."""


def source(path: Path) -> Source:
    """What a file holds, by its looks: a capture, HAR, or flows of mitmproxy. Raises `OSError`."""
    if path.is_dir():
        return Capture(path)
    with path.open("rb") as file:
        begins = file.read(LOOK).removeprefix(BOM).lstrip()
    if begins.startswith(MAGIC) or not begins:
        return Capture(path)
    if begins[:1].isdigit():
        from outgate.proxy.flowfile_reading import FlowFile  # no other source needs mitmproxy

        return FlowFile(path)
    first = begins.partition(b"\n")[0]
    return Capture(path) if RECORD in first else HarFile(path)


def authority_of(directory: Path | None) -> Authority:
    """The CA in a directory, or one that lasts as long as the replay. Raises `CertificateProblem`."""
    if directory is None:
        return create_authority("outgate replay CA", LIFE)
    return load_authority(directory / CERTIFICATE_FILE, directory / KEY_FILE)


@contextmanager
def trusted(directory: Path | None) -> Iterator[tuple[Authority, Path]]:
    """The CA, and the file by which clients trust it: the directory's, or one that lasts as long as this. Raises
    `CertificateProblem`."""
    authority = authority_of(directory)
    if directory is not None:
        yield authority, directory / CERTIFICATE_FILE
        return
    with tempfile.TemporaryDirectory(prefix="outgate-replay-") as folder:
        (file := Path(folder) / CERTIFICATE_FILE).write_bytes(pem.text(authority.certificate))
        Path(folder).chmod(0o755)
        yield authority, file


def listening(host: str, port: int) -> list[socket]:
    """Raises `OSError`."""
    return sockets.bind(host, port)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve, how and where."""

    desk: Desk
    mode: Mode
    authority: Authority
    sockets: list[socket]

    def server(self) -> Server:
        leafs = LeafCache(self.authority)
        return Server(Site(self.desk, self.mode, leafs.context, original_destination), self.sockets)

    def __str__(self) -> str:
        host, port = self.sockets[0].getsockname()[:2]
        hosts, entries = len({place.host for place in self.desk.places.all}), len(self.desk.matcher.entries)
        told = f"{entries} exchange{'' if entries == 1 else 's'} of {hosts} host{'' if hosts == 1 else 's'}"
        return f"{self.mode} on {f'[{host}]' if ':' in host else host}:{port}, {told}"


async def serve(plan: Plan, ready: Callable[[], None], end: asyncio.Event) -> None:
    """Until `end` is set."""
    server = plan.server()
    server.start()
    ready()
    try:
        await end.wait()
    finally:
        await server.close()


@contextmanager
def beside(plan: Plan) -> Iterator[None]:
    """Serve in a thread of its own while something else goes on here."""
    started, loop, end = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(serve(plan, started.set, end))
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run, name="replay", daemon=True)
    thread.start()
    started.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
