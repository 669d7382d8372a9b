"""A disk that is filled up takes nothing more, and has room again when it is emptied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .disk import Disk


@pytest.mark.netns
def test_a_full_disk_takes_nothing_and_an_emptied_one_does_again(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    with Disk(tmp_path / "disk") as disk, disk.log.open("ab", buffering=0) as log:
        log.write(b'{"kind": "http"}\n{"kind": \n')
        disk.fill()
        log.write(bytes(4096))  # what is left of a page takes a part of it
        with pytest.raises(OSError, match="No space left"):
            log.write(bytes(4096))
        disk.read()
        assert (disk.lines, disk.cut) == (1, 2)
        disk.empty()
        assert disk.silent == 1
        log.write(b"{}\n")
        disk.empty()
        assert (disk.lines, disk.silent) == (2, 2)
