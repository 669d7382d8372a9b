"""A seat is handed down as text, and nothing else is taken for one."""

import pytest

from outgate.workers.seat import Seat


def test_a_seat_comes_back_from_its_text():
    seat = Seat(2, 4, 6, 7, 8, (9, 10))
    assert Seat.parse(str(seat)) == seat
    assert seat.descriptors == (6, 7, 8, 9, 10)


@pytest.mark.parametrize(
    "text", ["", "1", "1/2:3:4:5:", "1/2:3:4:5", "1/2:3:4:5:a", "1/2:3:4:5:6,", "x/2:3:4:5:6", "\u0661/2:3:4:5:6"]
)
def test_what_is_no_seat_is_an_error(text):
    with pytest.raises(ValueError, match="is not a seat"):
        Seat.parse(text)
