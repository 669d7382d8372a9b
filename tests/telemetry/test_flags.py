"""Envoy's flags in their three spellings."""

from outgate.telemetry import flags


def test_flags_are_told_apart():
    assert flags.names("UF,URX") == ["UF", "URX"]
    assert flags.names("-") == flags.names("") == []


def test_long_names_and_bits_are_envoys():
    assert flags.long("DC,XX") == "DownstreamConnectionTermination,XX"
    assert flags.bits("LH") == 1
    assert flags.bits("UF,UF,DC") == 0x20 | 0x4000
    assert flags.bits("nothing") == 0
