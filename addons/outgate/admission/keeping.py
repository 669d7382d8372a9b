"""What the webhook goes by, read again when its files change: certificate, key and settings.

Owns when files are looked at, and that what cannot be used leaves what was in force. Serves nobody.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from outgate.injection import config
from outgate.injection.settings import Settings
from outgate.problems import PolicyError
from outgate.upstream.watch import RECHECK, stamps

log = logging.getLogger(__name__)


class Unusable(Exception):
    """A file that cannot be used: names it, and what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where all of it stands. Without a file of settings, the defaults hold."""

    certificate: Path
    key: Path
    settings: Path | None = None


class Keeping:
    """In force from the start. Raises `Unusable` where it cannot be."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._tls_stamp, self._settings_stamp = self._stamps()
        self.tls = _context(files)
        self.settings = _settings(files)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(RECHECK)
            try:
                self.look()
            except Exception:
                # A certificate that is never read again ends all admission on the day when the old one does.
                log.exception("the files could not be looked at; what was in force stays")

    def look(self) -> None:
        """Take what has changed, or say why it is not taken. Each change is tried once."""
        tls, settings = self._stamps()
        if tls != self._tls_stamp:
            self._tls_stamp = tls
            with _told("the certificate"):
                self.tls = _context(self._files)
        if settings != self._settings_stamp:
            self._settings_stamp = settings
            with _told("the injection"):
                self.settings = _settings(self._files)

    def _stamps(self) -> tuple[object, object]:
        files = self._files
        settings = () if files.settings is None else stamps([str(files.settings)])
        return stamps([str(files.certificate), str(files.key)]), settings


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        log.error("%s; what was in force stays", error)
    else:
        log.info("%s was read again", what)


def _context(files: Files) -> ssl.SSLContext:
    """A new one each time: half a change must not spoil the one that serves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        text = f"{files.certificate} with the key {files.key} cannot be used ({why})"
        raise Unusable(f"{text}; name a certificate and its key, in PEM") from error
    return context


def _settings(files: Files) -> Settings:
    try:
        return Settings() if files.settings is None else config.load(files.settings)
    except PolicyError as error:
        raise Unusable(str(error)) from error
