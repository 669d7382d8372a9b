"""A running gate logs more where that is safe, and never more of what workloads send."""

import logging

import pytest

from outgate.telemetry.levels import LEAST, LEVELS, SILENT, set_level, silence

OURS = ("outgate.test_levels", "outgate.test_levels.below")


@pytest.fixture(autouse=True)
def restored():
    names = [*LEAST, *OURS, "h2.test_levels", "mitmproxy.test_levels", "other_test_levels"]
    before = {name: logging.getLogger(name).level for name in names}
    silence()
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "DEFAULT"])
def test_a_logger_of_ours_takes_every_level_and_those_below_follow(level):
    assert set_level(level, OURS[0]) == ""
    assert logging.getLogger(OURS[1]).getEffectiveLevel() == logging.getLevelNamesMapping()[level]


def test_the_default_is_as_at_the_start():
    set_level("DEBUG", OURS[0])
    assert set_level("DEFAULT", OURS[0]) == ""
    assert logging.getLogger(OURS[0]).level == logging.NOTSET


@pytest.mark.parametrize("name", [*LEAST, "mitmproxy.test_levels", "h2.test_levels"])
def test_what_prints_what_workloads_send_is_never_raised(name):
    before = logging.getLogger(name).getEffectiveLevel()
    for level in ("DEBUG", "INFO", "WARNING"):
        assert "prints what workloads send" in set_level(level, name)
    assert logging.getLogger(name).getEffectiveLevel() == before
    assert set_level("DEFAULT", name) == ""
    assert logging.getLogger(name).getEffectiveLevel() == before


def test_it_may_say_less_and_comes_back_to_where_it_stands():
    assert set_level("CRITICAL", "h2") == ""
    assert logging.getLogger("h2").level == logging.CRITICAL
    assert set_level("DEFAULT", "h2") == ""
    assert logging.getLogger("h2").level == LEAST["h2"]
    assert set_level("CRITICAL", "mitmproxy") != ""
    assert logging.getLogger("mitmproxy").level == SILENT


@pytest.mark.parametrize("name", ["", "root"])
def test_the_root_is_refused_because_it_stands_above_them(name):
    before = logging.getLogger().level
    assert "name another" in set_level("DEBUG", name)
    assert logging.getLogger().level == before


@pytest.mark.parametrize(
    ("level", "name", "why"),
    [
        ("LOUD", "outgate", '"LOUD" is no level; use one of DEBUG'),
        ("debug", "outgate", '"debug" is no level'),
        ("DEBUG", "outgate.test_level", 'there is no logger "outgate.test_level"; did you mean "outgate.test_levels"?'),
        ("DEBUG", "qqqqqqqqqqqq", 'there is no logger "qqqqqqqqqqqq"; outgate is one'),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(level, name, why):
    assert set_level(level, name).startswith(why)


def test_loggers_of_addons_may_be_raised():
    assert set_level("DEBUG", "other_test_levels") == ""
