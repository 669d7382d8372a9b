"""Multipart bodies: what mail's parser reads is found, and one part is changed alone."""

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.multipart import codec
from outgate.redact.leaf import Kind, Part, Unreadable
from rewriting import NEW, found_in, is_linear, leaf, named, parts, replaced, same_again

TYPE = 'multipart/form-data; boundary="b-1"'
read = codec(TYPE)
BODY = (
    b"before\r\n"
    b'--b-1\r\nContent-Disposition: form-data; name="card"\r\n\r\n4111\r\n'
    b'--b-1\r\nContent-Disposition: form-data; name="file"; filename="Jane \\"J\\" Doe.json"\r\n'
    b'Content-Type: application/json\r\nX-Note: a\r\n b\r\n\r\n{"a": "b"}\r\n'
    b"--b-1\r\ncontent-disposition: form-data; name=data; filename*=UTF-8''J%C3%A4ne.bin\r\n"
    b"content-transfer-encoding: base64\r\n\r\naGVsbG8=\r\n"
    b"--b-1\r\n\r\nno head\r\n"
    b"--b-1--\r\nbehind"
)


def test_parts_and_what_their_heads_say_are_found():
    assert [(part.name, part.body, part.media_type) for part in parts(read, BODY)] == [
        ("", b"before", "text/plain"),
        ("card", b"4111", ""),
        ("file", b'{"a": "b"}', "application/json"),
        ("data", b"hello", ""),
        ("", b"no head", ""),
        ("", b"behind", "text/plain"),
    ]
    assert named(read, BODY) == [("filename", 'Jane "J" Doe.json'), ("x-note", "a b"), ("filename", "Jäne.bin")]
    assert [part.path for part in parts(read, BODY)] == [(), ("card",), ("file",), ("data",), (3,), ()]
    same_again(read, BODY)


def mail(body):
    """What Python's parser for mail sees."""
    message = message_from_bytes(b"Content-Type: " + TYPE.encode() + b"\r\n\r\n" + body)
    return [
        (dict(part.items()), part.get_filename(), part.get_payload(decode=True).rstrip(b"\r\n"))
        for part in message.get_payload()
    ]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_one_part_is_changed_and_no_other(number):
    before = mail(BODY)
    after = mail(replaced(BODY, parts(read, BODY)[number], b"new\r\n--b-1\r\n--b-1--"))
    assert len(after) == 4
    assert [old == new for old, new in zip(before, after, strict=True)] == [each != number - 1 for each in range(4)]
    assert after[number - 1][2].startswith(b"new")


@pytest.mark.parametrize("old", ['Jane "J" Doe.json', "Jäne.bin"])
def test_the_name_of_a_file_is_changed_alone(old):
    before, after = mail(BODY), mail(replaced(BODY, leaf(read, BODY, old), 'x "y" \\'))
    assert [old[2] for old in before] == [new[2] for new in after]
    assert [new[1] for new in after].count('x "y" \\') == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.binary(max_size=30)), min_size=1, max_size=4))
def test_what_is_written_by_mail_is_found(pairs):
    message = EmailMessage(policy.SMTP)
    message["Content-Type"] = "multipart/mixed"
    for name, content in pairs:
        part = EmailMessage(policy.SMTP)
        part.set_content(content, "application", "octet-stream", filename=name)
        message.attach(part)
    head, _, body = message.as_bytes().partition(b"\r\n\r\n")
    kind = head.replace(b"\r\n", b"").partition(b"Content-Type: ")[2].decode().partition("MIME")[0]
    found = found_in(codec(kind), body)
    assert [each.body for each in found if isinstance(each, Part)] == [content for _, content in pairs]
    same_again(codec(kind), body)


def test_a_part_in_base64_is_written_in_base64():
    made = replaced(BODY, parts(read, BODY)[3], b"x" * 100)
    assert base64.b64encode(b"x" * 57) + b"\r\n" in made


def test_quoted_printable_is_undone_and_done_again():
    body = b"--b-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nJ=C3=A4ne=\r\n Doe\r\n--b-1--"
    (part,) = parts(read, body)
    assert part.body == "Jäne Doe".encode()
    assert b"=C3=A9" in replaced(body, part, "é".encode())


def test_parts_in_parts_keep_their_boundary():
    inner = b"--b-2\r\n\r\nx\r\n--b-2--"
    body = b"--b-1\r\nContent-Type: multipart/mixed; boundary=b-2\r\n\r\n" + inner + b"\r\n--b-1--\r\n"
    (part,) = parts(read, body)
    assert parts(codec(part.media_type), part.body)[0].body == b"x"


def test_bare_line_ends_and_empty_parts_are_read():
    body = b"--b-1\nContent-Disposition: form-data; name=a\n\nx\n--b-1\nContent-Disposition: form-data; name=b\n\n--b-1--\n"
    assert [(part.name, part.body) for part in parts(read, body)] == [("a", b"x"), ("b", b"")]


def test_the_name_of_a_part_that_is_no_word_is_found():
    body = b'--b-1\r\nContent-Disposition: form-data; name="jane@example.com"\r\n\r\nx\r\n--b-1--'
    key = found_in(read, body)[0]
    assert (key.kind, key.text) == (Kind.KEY, "jane@example.com")
    assert mail(replaced(body, key, "a"))[0][0]["Content-Disposition"] == 'form-data; name="a"'
    assert NEW.encode() in replaced(body, parts(read, body)[0], NEW.encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"--b-1", b"--b-1\r\n\r\nx", b"--b-1\r\nx\r\n--b-1--", b"--b-1\r\n:x\r\n\r\n\r\n--b-1--",
     b"--b-1\r\ncontent-transfer-encoding: base64\r\n\r\na\r\n--b-1--", b"--b-2\r\n\r\nx\r\n--b-2--"],
)  # fmt: skip
def test_what_is_cut_short_or_has_no_heads_is_unreadable(body):
    with pytest.raises(Unreadable):
        found_in(read, body)


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", 'multipart/mixed; boundary=""', "multipart/x; boundary=" + "x" * 300]
)
def test_without_a_boundary_nothing_is_read(kind):
    with pytest.raises(Unreadable):
        codec(kind)


@pytest.mark.parametrize(
    "piece", [b"--b-1\r\n", b"\r\n", b"--b-1", b"\r\n--b-1\r\n\r\n", b"a: b\r\n", b"\r\n ", b'; name="\\"']
)
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece, tail=b"\r\n--b-1--")
    assert is_linear(read, piece, b"--b-1\r\ncontent-disposition: x", b"\r\n\r\n\r\n--b-1--")
