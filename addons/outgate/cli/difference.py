"""What redaction changes of a file, a line beside the other: of a body as it reads, of a HAR as its entries read.

Owns the form of both sides. What was changed is not known here.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import mimetypes
from collections.abc import Iterable, Iterator
from pathlib import Path

from outgate.capture.formats.har import HarWriter
from outgate.capture.formats.har_reading import HarFile
from outgate.cli.output import printable
from outgate.redact.decoding import Bounds, decode
from outgate.redact.redacted import Manifest, Redacted, seal
from outgate.redact.unpacking import Undecodable

MOST = 64 * 1024 * 1024
"""Bytes that a packed file may come to where it is shown."""


def of_body(file: Path, given: bytes, content: bytes) -> Iterator[str]:
    """A file that is packed is shown as what is in it."""
    packed = mimetypes.guess_type(file.name)[1] == "gzip"
    return _lines(file, *(_read(each, packed=packed) for each in (given, content)))


def of_har(file: Path, kept: Iterable[Redacted]) -> Iterator[str]:
    """Both as this program writes a HAR, so that nothing but what redaction did is told."""
    # Never stored: what goes to standard output here is the file that was named.
    given = (seal(imported.exchange, Manifest()) for imported in HarFile(file))
    return _lines(file, _written(given), _written(kept))


def _lines(file: Path, before: str, after: str) -> Iterator[str]:
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), str(file), "redacted", lineterm="")
    return map(printable, found)


def _read(content: bytes, *, packed: bool) -> str:
    with contextlib.suppress(Undecodable):  # then it is shown as it is
        content = decode(content, ("gzip",), Bounds(MOST)) if packed else content
    return content.decode("utf-8", "replace")


def _written(kept: Iterable[Redacted]) -> str:
    out = io.BytesIO()
    writer = HarWriter(out)
    for each in kept:
        writer.write(each)
    writer.close()
    return json.dumps(json.loads(out.getvalue()), indent=2, ensure_ascii=False)
