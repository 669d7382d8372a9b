"""YAML becomes documents whose values know their places, and whatever cannot be read is said with its place."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.policy.documents import MAX_BYTES, files, load, parse
from outgate.problems import PolicyError
from policy.building import write


def refused(text):
    with pytest.raises(PolicyError) as raised:
        parse(text, "f.yaml")
    return "\n".join(map(str, raised.value.problems))


def test_every_value_and_key_knows_its_file_line_and_column():
    (document,) = parse("kind: X\nspec:\n  hosts:\n  - a.example\n", "f.yaml")
    spec = document.root.child("spec")
    assert str(spec.child("hosts").sequence[0].where) == "f.yaml:4:5"
    assert str(spec.keys["hosts"]) == "f.yaml:3:3"
    assert str(document.where) == "f.yaml:1:1"


def test_a_document_knows_what_it_is():
    text = "apiVersion: g.example/v1\nkind: K\nmetadata: {name: n, namespace: s}\n"
    (document,) = parse(text, "f.yaml", 3)
    assert (document.group, document.kind, document.namespace, document.name) == ("g.example", "K", "s", "n")
    assert document.layer == 3


def test_a_document_in_universal_form_has_its_kind_and_name_at_the_top():
    (document,) = parse("type: MeshTimeout\nname: n\n", "f.yaml")
    assert (document.kind, document.name, document.group) == ("MeshTimeout", "n", "")


def test_lists_are_unfolded_and_empty_documents_left_out():
    text = "kind: List\nitems:\n- kind: A\n- kind: B\n---\n---\n# nothing\n---\nkind: C\n"
    assert [document.kind for document in parse(text, "f.yaml")] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ("\n  kind: A\n", "f.yaml:2:1: items: expected a list"),
        (" null\n", "f.yaml:2:1: items: expected a list"),
        (" [{kind: A}, null]\n", "f.yaml:2:20: items[1]: an empty list entry"),
    ],
)
def test_a_list_that_is_none_is_refused_and_not_left_out(items, says):
    assert says in refused(f"kind: List\nitems:{items}")


def test_json_is_read_too():
    assert parse('{"kind": "A", "spec": {"n": 1}}', "f.json")[0].root.child("spec", "n").data == 1


def test_an_address_in_a_flow_sequence_is_read_though_libyaml_refuses_it():
    (document,) = parse("spec: {addresses: [192.0.2.1, 2001:db8::]}\n", "f.yaml")
    assert [item.data for item in document.root.child("spec", "addresses").sequence] == ["192.0.2.1", "2001:db8::"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1, 2\nb: 3", "f.yaml:2:2: not valid YAML: expected ',' or ']'"),
        ("a: b: c", "f.yaml:1:5: not valid YAML: mapping values are not allowed here"),
        ("a: 'x", "not valid YAML"),
        ("a: *nowhere", "f.yaml:1:4: not valid YAML: found undefined alias"),
        ("a: !!python/object:os.system x", "f.yaml:1:4: not valid YAML: could not determine a constructor"),
        ("a: 1\nb: 2\na: 3", 'f.yaml:3:1: the key "a" is given twice; it stands at line 1'),
        ("a: &x {b: 1}\nc: {<<: *x}", "f.yaml:2:5: merge keys"),
        ("? [a]\n: b", "f.yaml:1:3: a key must be a plain string"),
        ("a: 2020-13-45", "f.yaml:1:4: '2020-13-45' cannot be read as timestamp; quote it"),
        ("a: !!int x", "'x' cannot be read as int"),
        ("a: !!bool x", "'x' cannot be read as bool"),
        ("a: !!timestamp x", "'x' cannot be read as timestamp"),
        ("a: " + "9" * 5000, "cannot be read as int"),
        ("a: \0", "special characters"),
        ("a: \ud800", "cannot be read"),
        ("- " * 70 + "a", "nested more than 64"),
        ("a: &x [*x]", "nested more than 64"),
        ("x" * (MAX_BYTES + 1), "more than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text, says):
    assert says in refused(text)


@pytest.mark.parametrize("text", ["[" * 300_000, "{a: " * 300_000, "- " * 300_000, "? " * 300_000, "[" * 3000])
def test_nesting_cannot_end_the_process(text):
    assert "nested" in refused(text) or "recursion" in refused(text)


def test_aliases_do_not_multiply():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    (document,) = parse("\n".join(lines[:10]), "f.yaml")
    first, second = document.root.child("a9").sequence
    assert first is second
    assert "f.yaml:16:6: aliases make more than" in refused("\n".join(lines))


@given(st.text(max_size=200))
def test_any_text_is_documents_or_a_policy_error(text):
    with suppress(PolicyError):
        assert all(document.where.file == "f.yaml" for document in parse(text, "f.yaml"))


def test_a_directory_gives_its_policy_files_in_order(tmp_path):
    write(tmp_path / "b", two="kind: B")
    write(tmp_path, a="kind: A", z="kind: Z")
    write(tmp_path / "..data", hidden="kind: H")
    (tmp_path / "case.test.yaml").write_text("cases: []")
    (tmp_path / "notes.txt").write_text("kind: N")
    assert [document.kind for document in load(tmp_path)] == ["A", "B", "Z"]
    assert files(tmp_path / "a.yaml") == [tmp_path / "a.yaml"]


def test_a_path_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(PolicyError, match="no such file or directory"):
        load(tmp_path / "absent")


def test_every_broken_file_of_a_directory_is_reported(tmp_path):
    write(tmp_path, a="a: [", b="kind: B", c="a: 'x")
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(PolicyError) as raised:
        load(tmp_path)
    assert [problem.where.file.rpartition("/")[2] for problem in raised.value.problems] == [
        "a.yaml",
        "c.yaml",
        "d.yaml",
    ]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfkind: A\n")
    assert load(tmp_path)[0].kind == "A"


def test_the_folders_of_a_config_map_are_read_through_their_links(tmp_path):
    """An item with a path in it becomes a link to a folder, which holds documents like any other."""
    (tmp_path / "..1" / "sub").mkdir(parents=True)
    (tmp_path / "..1" / "sub" / "a.yaml").write_text("kind: A")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "sub").symlink_to("..data/sub")
    assert files(tmp_path) == [tmp_path / "sub" / "a.yaml"]


def test_a_link_to_a_folder_that_it_stands_in_is_not_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "a.yaml").write_text("kind: A")
    assert files(tmp_path) == [tmp_path / "a" / "a.yaml"]


def test_a_link_that_leads_nowhere_is_a_problem_and_not_a_file_less(tmp_path):
    (tmp_path / "deny.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(PolicyError, match=r"deny\.yaml: cannot be read"):
        load(tmp_path)


def test_a_marked_folder_is_no_part_of_the_policy_around_it(tmp_path):
    inner = write(tmp_path / "examples" / "one", a="kind: A")
    write(tmp_path, b="kind: B")
    (tmp_path / "examples" / ".outgate-ignore").touch()
    assert [path.name for path in files(tmp_path)] == ["b.yaml"]
    assert [path.name for path in files(inner)] == ["a.yaml"]
    assert [path.name for path in files(tmp_path / "examples")] == ["a.yaml"]
