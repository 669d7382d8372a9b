"""XML: what a parser sees is found, and one value is changed alone."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outgate.redact.codecs.xml import read
from outgate.redact.leaf import Unreadable
from rewriting import NEW, found_in, is_linear, leaf, named, replaced, same_again, texts

NAMES = st.sampled_from(["a", "b", "card-number", "ns.x", "Zahl"])
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=10)


@st.composite
def elements(draw, depth=3):
    element = ElementTree.Element(draw(NAMES), draw(st.dictionaries(NAMES, TEXT, max_size=2)))
    element.text = draw(TEXT)
    for _ in range(draw(st.integers(0, 2)) if depth else 0):
        element.append(draw(elements(depth - 1)))
        element[-1].tail = draw(TEXT)
    return element


BODIES = elements().map(lambda element: ElementTree.tostring(element, "utf-8"))


def facts(body):
    """All that a parser sees: texts without the blanks around them."""
    seen = []
    for element in ElementTree.fromstring(body).iter():
        seen += [(element.tag, name, value) for name, value in element.attrib.items()]
        seen += [(element.tag, "", text) for text in (element.text, element.tail) if text and text.strip(" \t\r\n")]
    return seen


@given(BODIES, st.data())
def test_one_value_is_changed_and_no_other(body, data):
    found = found_in(read, body)
    before = facts(body)
    assert sorted(each.text for each in found) == sorted(
        text if name else text.strip(" \t\r\n") for _, name, text in before
    )
    same_again(read, body)
    if found:
        after = facts(replaced(body, data.draw(st.sampled_from(found)), NEW))
        assert len(after) == len(before)
        (changed,) = [new for old, new in zip(before, after, strict=True) if old != new]
        assert changed[2].strip(" \t\r\n") == NEW


DOCUMENT = b"""<?xml version="1.0"?>
<!DOCTYPE note SYSTEM "note.dtd">
<?style href="a"?>
<s:note xmlns:s="urn:x" xmlns="urn:y" s:Id='7 "&lt;"'><!-- for Jane -->
  <to>J&#xE4;ne &amp; co</to><empty/><card><![CDATA[4111 <1111>]]></card>
</s:note>
"""


def test_each_kind_of_text_is_found():
    assert named(read, DOCUMENT) == [
        ("", 'href="a"'), ("Id", '7 "<"'), ("", " for Jane "), ("to", "Jäne & co"), ("card", "4111 <1111>"),
    ]  # fmt: skip
    assert leaf(read, DOCUMENT, '7 "<"').path == ("s:note", "@s:Id")
    assert leaf(read, DOCUMENT, "4111 <1111>").path == ("s:note", "card")


@pytest.mark.parametrize("old", ['href="a"', '7 "<"', " for Jane ", "Jäne & co", "4111 <1111>"])
@pytest.mark.parametrize("new", [NEW, "-->", "]]>", "?>", "--", "\x00\x1f", '"', "\ud800"])
def test_nothing_that_is_written_ends_what_it_is_in(old, new):
    made = replaced(DOCUMENT, leaf(read, DOCUMENT, old), new)
    ElementTree.fromstring(made)
    assert len(found_in(read, made)) >= 5


@pytest.mark.parametrize(
    "body",
    ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "<a b=c/>", "<a b='<'/>", "<a>&nbsp;</a>",
     "<a>& b</a>", "<a>&#0;</a>", "<a>&#x110000;</a>", "<a>\x01</a>", "<a><!-- a -- b --></a>", "<a",
     "</a>", "<a><![CDATA[x</a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a/><![CDATA[x]]>",
     "<1 <2", "<a>" * 101 + "</a>" * 101],
)  # fmt: skip
def test_what_is_no_xml_or_defines_entities_is_unreadable(body):
    with pytest.raises(Unreadable):
        list(read(body.encode()))


def test_a_mark_before_it_and_letters_of_all_scripts_are_read():
    assert texts(read, "\ufeff<größe ы='à'>日本\u00a0</größe>".encode()) == ["à", "日本\u00a0"]


@pytest.mark.parametrize(
    "piece",
    [b"<", b"<a>", b"<a ", b"<a b='c' ", b"<!--", b"<![CDATA[", b"&amp;", b"&", b"<?a ", b"]]>", b"<!DOCTYPE '", b" "],
)  # fmt: skip
def test_any_bytes_are_read_in_linear_time(piece):
    assert is_linear(read, piece)
    assert is_linear(read, piece, b"<a>")
    assert is_linear(read, piece, b"<a b='")
