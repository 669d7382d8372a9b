"""Events are told in order, all of them, and none waits long."""

from outgate.telemetry.groups import LONGEST, MOST, Groups
from telemetry.happenings import request


class Timers:
    """Calls back when it is told to."""

    def __init__(self) -> None:
        self.set = []

    def later(self, seconds, call):
        self.set.append((seconds, call))

    def come(self):
        due, self.set = self.set, []
        for _, call in due:
            call()


def groups(timers=None):
    told = []
    made = Groups(lambda events: told.append(list(events)))
    made.later = timers.later if timers is not None else None
    return made, told


def test_without_a_clock_each_is_told_at_once():
    made, told = groups()
    one, other = request(), request()
    made.put(one)
    assert told == [[one]]
    made.put(other)
    assert told == [[one], [other]]


def test_those_of_a_moment_are_told_together_and_in_order():
    timers = Timers()
    made, told = groups(timers)
    events = [request(sent=number) for number in range(3)]
    for event in events:
        made.put(event)
    assert not told
    assert [seconds for seconds, _ in timers.set] == [LONGEST]
    timers.come()
    assert told == [events]


def test_what_comes_after_is_told_too():
    timers = Timers()
    made, told = groups(timers)
    for _ in range(3):
        made.put(request())
        timers.come()
    assert [len(group) for group in told] == [1, 1, 1]


def test_many_do_not_wait():
    timers = Timers()
    made, told = groups(timers)
    for number in range(2 * MOST + 1):
        made.put(request(sent=number))
    assert [len(group) for group in told] == [MOST, MOST]
    timers.come()
    assert [event.sent for group in told for event in group] == list(range(2 * MOST + 1))


def test_whoever_looks_has_them_told_first():
    timers = Timers()
    made, told = groups(timers)
    made.put(request())
    made.flush()
    assert len(told) == 1
    timers.come()
    made.flush()
    assert len(told) == 1
