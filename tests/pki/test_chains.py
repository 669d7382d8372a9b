from outgate.pki.chains import is_root, issued
from pki import odd


def test_an_issuer_is_known_by_name_and_by_key():
    keys = [odd.new_key() for _ in range(3)]
    root, impostor = odd.authority("root", keys[0]), odd.authority("root", keys[1])
    other = odd.authority("other", keys[0])
    child = odd.authority("child", keys[2], root, keys[0])
    assert issued(root, child)
    assert not issued(impostor, child)
    assert not issued(other, child)
    assert not issued(child, root)


def test_a_root_names_itself():
    keys = [odd.new_key() for _ in range(2)]
    root = odd.authority("root", keys[0])
    assert is_root(root)
    assert not is_root(odd.authority("child", keys[1], root, keys[0]))
