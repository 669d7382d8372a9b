"""A seat is handed over with descriptors that the other side owns, and ends what waits where nobody hands one over."""

import os
import socket

import pytest

from outgate.workers.seat import Seat


def file(content: bytes) -> int:
    descriptor = os.memfd_create("file")
    os.pwrite(descriptor, content, 0)
    return descriptor


def test_a_seat_comes_with_descriptors_of_its_own_that_no_child_inherits():
    ours, theirs = socket.socketpair()
    here, there = socket.socketpair()
    with ours, theirs, here, socket.create_server(("127.0.0.1", 0)) as listener:
        turn, policy, documents = file(b"turn"), file(b"policy"), file(b"documents")
        with there:
            Seat(2, 4, there, turn, policy, documents, (listener.fileno(),)).hand(ours)
        for descriptor in (turn, policy, documents):
            os.close(descriptor)
        ours.sendall(b"what is said next")
        seat = Seat.take(theirs)
        assert seat is not None
        assert (seat.index, seat.of) == (2, 4)
        assert (os.pread(seat.turn, 10, 0), os.pread(seat.policy, 10, 0)) == (b"turn", b"policy")
        assert os.pread(seat.documents, 10, 0) == b"documents"
        assert theirs.recv(100) == b"what is said next"
        assert os.fstat(seat.listeners[0]).st_ino == os.fstat(listener.fileno()).st_ino
        assert not any(
            map(os.get_inheritable, (seat.control.fileno(), seat.turn, seat.policy, seat.documents, *seat.listeners))
        )
        seat.control.sendall(b"here")
        assert here.recv(10) == b"here"
        seat.close()
        assert here.recv(10) == b""


def test_where_the_supervisor_is_gone_there_is_no_seat():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        assert Seat.take(theirs) is None


def test_where_nobody_waits_any_more_no_seat_is_handed_over():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(BrokenPipeError):
        Seat(1, 1, ours, 0, 1, 1, ()).hand(ours)
