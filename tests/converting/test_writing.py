"""The text: which line belongs to which document, and what stands above it."""

import yaml

from outgate.converting.writing import SHOWN, text, written
from outgate.policy.model import Source
from outgate.problems import Where


def source(name="a", line=1, kind="ServiceEntry", namespace="shop"):
    return Source(Where("a.yaml", line), kind, name, namespace)


def test_documents_have_their_line_and_where_they_came_from():
    made = [written("Kind", "shop", name, {"a": 1}, [source(name, line)]) for line, name in ((3, "x"), (9, "y"))]
    content, lines = text(made)
    found = content.splitlines()
    for line, name in zip(lines, ("x", "y"), strict=True):
        assert found[line - 1] == "---"
        assert found[line].startswith(f"# from ServiceEntry shop/{name} (a.yaml:")
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(content)] == ["x", "y"]


def test_what_is_native_came_from_itself():
    content, _ = text([written("Kind", "", "a", {}, [source(kind="EgressAccess"), None])])
    assert "# from" not in content
    assert yaml.safe_load(content)["metadata"] == {"name": "a"}


def test_not_every_place_is_named_and_each_once():
    places = [source(f"n{number}") for number in range(SHOWN + 3)]
    content, _ = text([written("Kind", "", "a", {}, [*places, *places])])
    assert content.count("# from") == SHOWN + 1
    assert "# from and 3 more\n" in content


def test_a_name_does_not_leave_its_line():
    content, _ = text([written("Kind", "", "a", {}, [source("a\nkind: Evil")])])
    assert list(yaml.safe_load(content)) == ["apiVersion", "kind", "metadata", "spec"]
    assert "shop/a?kind: Evil" in content


def test_what_is_said_twice_is_written_twice():
    shared = ["x"]
    content, _ = text([written("Kind", "", "a", {"a": shared, "b": shared}, [])])
    assert "&" not in content
