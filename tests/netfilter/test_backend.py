"""Finding and running the iptables programs, and what they say when they fail."""

from __future__ import annotations

import sys

import pytest

from outgate.netfilter import backend
from outgate.netfilter.backend import Backend, Kind, Unable, installed, run
from outgate.netfilter.options import Family


def test_a_program_that_fails_is_quoted_with_its_exit_code():
    with pytest.raises(Unable, match=r"failed with exit code 4: lock is held"):
        run([sys.executable, "-c", "import sys; sys.exit(print('lock is held', file=sys.stderr) or 4)"])


def test_a_program_that_is_not_there_or_hangs_is_an_error_of_the_same_kind(monkeypatch):
    with pytest.raises(Unable, match=r"/nowhere/iptables does not run: No such file"):
        run(["/nowhere/iptables"])
    monkeypatch.setattr(backend, "PATIENCE", 0.05)
    with pytest.raises(Unable, match=r"gave no answer in 0.05 seconds"):
        run([sys.executable, "-c", "import time; time.sleep(60)"])


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("iptables v1.8.9 (nf_tables)", Kind.NFT),
        ("iptables v1.8.9 (legacy)", Kind.LEGACY),
        ("iptables v1.6.1", Kind.LEGACY),
    ],
)
def test_where_only_the_plain_name_exists_the_program_says_its_kind(monkeypatch, tmp_path, version, kind):
    program = tmp_path / "iptables"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(backend, "SEARCH", str(tmp_path))
    assert installed(Family.IPV4) == [Backend(Family.IPV4, kind, str(program))]
    assert installed(Family.IPV6) == []


def test_a_plain_program_that_does_not_run_counts_as_none(monkeypatch, tmp_path):
    program = tmp_path / "iptables"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(backend, "SEARCH", str(tmp_path))
    assert installed(Family.IPV4) == []


@pytest.mark.netns
def test_looking_for_legacy_tables_does_not_make_them(traffic):
    with traffic.inside():
        legacy = [each for each in installed(Family.IPV4) if each.kind is Kind.LEGACY]
        if not legacy or legacy[0].complaint():
            pytest.skip("this kernel has no legacy tables")
    with traffic.inside():  # the complaint above made them, in this namespace
        assert legacy[0].has("nat")
        assert not legacy[0].has("mangle")


@pytest.mark.netns
def test_a_kernel_that_does_not_answer_says_why(traffic):
    with traffic.inside():
        missing = Backend(Family.IPV4, Kind.NFT, "/nowhere/iptables-nft")
        assert "does not run" in missing.complaint()
        assert [each.complaint() for each in installed(Family.IPV4)].count("") >= 1
