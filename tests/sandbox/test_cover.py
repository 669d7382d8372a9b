"""Which files are laid over which: the kernel's list of sockets, and what is written for the command to read."""

import socket

from outgate.sandbox import cover


def test_sockets_with_a_file_are_found_by_the_kernels_list(tmp_path):
    place = tmp_path / "a socket"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as hidden:
        listener.bind(str(place))
        listener.listen()
        hidden.bind("\0outgate-test")
        found = cover.named_sockets()
    assert place in found
    assert all(path.is_absolute() for path in found)


def test_a_list_without_names_is_empty(tmp_path):
    table = tmp_path / "unix"
    table.write_text(
        "Num RefCount Protocol Flags Type St Inode Path\n0: 02 00 00010000 01 01 12\n0: 2 0 0 1 1 13 @abc\n"
    )
    assert cover.named_sockets(table) == []


def test_the_command_asks_its_own_resolver_and_knows_itself(tmp_path):
    cover.prepare(tmp_path, "here")
    assert (tmp_path / "resolv.conf").read_text().splitlines()[0] == "nameserver 127.0.0.1"
    assert (tmp_path / "hosts").read_text().splitlines() == [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost",
        "127.0.0.1 here",
    ]
