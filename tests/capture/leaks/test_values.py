"""What was taken is found again, by the rule that took it; what may stand anywhere by chance is not looked for."""

import pytest

from outgate.capture.leaks import values
from outgate.capture.leaks.values import Values, telling


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hunter2-x", True),
        ("correct horse battery", True),
        ("4242 4242 4242 4242", True),
        ("ann@corp.example", True),
        ("default1", True),
        ("hunter2", False),
        ("Springfield", False),
        ("2024-02-29", False),
        ("2024-02-29T10:11:12Z", False),
        ("10:11:12", False),
        ("1234567890", False),
        ("********", False),
        ("x" * 5000 + "1abcd", False),
    ],
)
def test_what_somebody_put_there(value, expected):
    assert telling(value) is expected


def test_each_is_told_by_its_rule():
    known = Values()
    known.add({"hunter2-x": "mine", "hunter2-xy": "other", "word": "mine"})
    known.add({"hunter2-x": "later"})
    assert list(known.found(b"a hunter2-x, hunter2-xy b")) == ["mine", "other"]
    assert list(known.found(b"word")) == []


def test_bytes_that_are_no_text_are_found_as_they_are():
    known = Values()
    known.add({"hunter2-\udcff": "mine"})
    assert list(known.found(b"\xfe hunter2-\xff")) == ["mine"]


def test_there_is_an_end_to_them_and_it_is_counted(monkeypatch):
    monkeypatch.setattr(values, "MOST", 2000)
    known = Values()
    known.add({f"secret-{number}": "mine" for number in range(2003)})
    assert known.overflow == 3
    assert set(known.found(b"secret-1999")) == {"mine"}
