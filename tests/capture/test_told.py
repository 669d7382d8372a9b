"""JSON of others is asked for a type, and what is of another is named without its value."""

import pytest

from outgate.capture.told import Malformed, Told

TOLD = Told(
    {
        "text": "a",
        "whole": 7.0,
        "number": 1,
        "flag": True,
        "list": [[1, 2]],
        "inner": {"a": {}},
        "objects": [{}],
        "no": None,
    }
)


def test_what_is_there():
    assert (TOLD.text("text"), TOLD.whole("whole"), TOLD.number("number"), TOLD.flag("flag")) == ("a", 7, 1.0, True)
    assert TOLD.rows("list", 2) == [[1, 2]]
    assert "a" in TOLD.inner("inner")
    assert len(TOLD.objects("objects")) == 1


def test_what_is_not_there_is_nothing():
    for name in ("no", "absent"):
        assert (TOLD.text(name), TOLD.whole(name), TOLD.number(name), TOLD.flag(name)) == ("", 0, None, False)
        assert TOLD.each(name) == TOLD.objects(name) == []
        assert name not in TOLD
        assert "a" not in TOLD.inner(name)


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda: TOLD.text("flag"), "flag is no text"),
        (lambda: TOLD.whole("flag"), "flag is no whole number"),
        (lambda: Told({"a": 1e30}).whole("a"), "a is no whole number"),
        (lambda: Told({"a": float("nan")}).number("a"), "a is no number"),
        (lambda: TOLD.flag("number"), "number is neither true nor false"),
        (lambda: TOLD.each("text"), "text is no list"),
        (lambda: TOLD.rows("list", 3), r"list\[0\] is no list of 3"),
        (lambda: TOLD.inner("text"), "text is no object"),
        (
            lambda: TOLD.inner("inner").inner("a").inner("b").text("c") or TOLD.inner("inner").text("a"),
            "inner.a is no text",
        ),
        (lambda: Told([]), "it is no object"),
    ],
)
def test_what_is_of_another_type_is_named(ask, why):
    with pytest.raises(Malformed, match=why):
        ask()
