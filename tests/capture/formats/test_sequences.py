"""Answers are numbered as they were given, in memory that does not grow with them."""

import resource
import subprocess
import sys

from outgate.capture.formats.sequences import Sequences


def test_each_answer_has_its_number():
    sequences = Sequences()
    asked = [b"a", b"b", b"a", b"a"]
    for each in asked:
        sequences.count(each)
    found = [sequences.next(each) for each in asked]
    assert [(number, total) for _, number, total in found] == [(1, 3), (1, 1), (2, 3), (3, 3)]
    assert len({name for name, _, _ in found}) == 2
    sequences.close()


def test_what_came_after_the_counting_is_numbered_too():
    """A capture that is still written grows between the two."""
    sequences = Sequences()
    sequences.count(b"a")
    assert sequences.next(b"a")[1:] == (1, 1)
    assert sequences.next(b"a")[1:] == (2, 2)
    assert sequences.next(b"b")[1:] == (1, 1)
    sequences.close()


def test_many_take_no_more_memory_than_few():
    script = (
        "import resource; from outgate.capture.formats.sequences import Sequences; s = Sequences()\n"
        "def used(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for n in range(20_000): s.count(b'%d' % n)\n"
        "before = used()\n"
        "for n in range(20_000, 200_000): s.count(b'%d' % n)\n"
        "print(used() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 3_000_000, resource.getpagesize()
