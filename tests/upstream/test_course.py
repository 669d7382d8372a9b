"""Parts are measured one after the other, and so is the one that a failure ended."""

from outgate.upstream.course import Course


def test_each_part_ends_where_the_next_begins():
    course = Course(iter([10.0, 10.5, 12.5, 12.75]).__next__)
    for part in ("resolve", "connect", "tls"):
        course.enter(part)
    assert course.over() == {"resolve": 0.5, "connect": 2.0, "tls": 0.25}


def test_a_part_that_is_left_out_takes_nothing():
    course = Course(iter([1.0, 2.0, 3.0, 4.0]).__next__)
    course.enter("resolve")
    course.enter("connect")
    course.enter()
    assert course.over() == {"resolve": 1.0, "connect": 1.0}


def test_what_never_began_took_no_time():
    assert Course(lambda: 1.0).over() == {}
