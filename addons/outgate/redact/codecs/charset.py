"""The charset of a text, and the text in UTF-8, which is all that other codecs read.

Owns how a charset is found: by a byte order mark, the media type, what the document says of itself, and the look of its
first bytes. Only charsets of text are known: of others that Python has, some unpack and some take forever.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from functools import lru_cache, partial

from outgate.redact.codecs.media_type import in_utf8, parameters
from outgate.redact.leaf import Part, Unreadable

UTF8, LATIN1 = "utf_8", "latin_1"
MARKS = (
    (b"\xef\xbb\xbf", UTF8),
    (b"\xff\xfe\0\0", "utf_32_le"),
    (b"\0\0\xfe\xff", "utf_32_be"),
    (b"\xff\xfe", "utf_16_le"),
    (b"\xfe\xff", "utf_16_be"),
)
_SIGN = rb"[\t\r\n -~]"
LOOKS = (
    (re.compile(_SIGN + rb"\0\0\0"), "utf_32_le"),
    (re.compile(rb"\0\0\0" + _SIGN), "utf_32_be"),
    (re.compile(_SIGN + rb"\0" + _SIGN + rb"\0"), "utf_16_le"),
    (re.compile(rb"\0" + _SIGN + rb"\0" + _SIGN), "utf_16_be"),
)
"""Without a mark: Latin letters leave bytes empty."""
DECLARED = re.compile(
    rb"""\A\s*+<\?xml[^>]*?\sencoding\s*+=\s*+["']([\w.:-]++)|<meta\s[^>]*?charset\s*+=\s*+["']?+([\w.:-]++)""",
    re.IGNORECASE,
)
HEAD = 1024
"""Bytes within which a document says its charset."""
KNOWN = frozenset(
    {
        "ascii", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7",
        "iso8859_8", "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15",
        "iso8859_16", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
        "cp437", "cp850", "cp852", "cp866", "cp874", "koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "tis_620",
        "shift_jis", "cp932", "euc_jp", "iso2022_jp", "euc_kr", "cp949", "gb2312", "gbk", "gb18030", "hz", "big5",
        "big5hkscs", "cp950", "utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be",
    }
)  # fmt: skip
AS_BROWSERS = {
    "ascii": UTF8, "utf_16": "utf_16_le", "utf_32": "utf_32_le", "shift_jis": "cp932", "euc_kr": "cp949",
    "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
}  # fmt: skip
"""What is meant, where a name is narrower than its use."""
SHIFTING = ("iso2022_jp", "hz")
"""In which what a byte means depends on those before it."""
UNITS = {"utf_16_le": 2, "utf_16_be": 2, "utf_32_le": 4, "utf_32_be": 4}


def charset_of(media_type: str, body: bytes) -> str:
    """Of a body that is text, as Python calls it."""
    for mark, charset in MARKS:
        if body.startswith(mark):
            return charset
    if said := _said(media_type):
        return _known(said) or _by_look(body)
    found = DECLARED.search(body, 0, HEAD) if body.find(b"<", 0, HEAD) >= 0 else None
    if found is not None:
        charset = _known((found[1] or found[2]).decode("latin-1"))
        return UTF8 if charset in UNITS else charset or _by_look(body)  # it could not be read if that were so
    return _by_look(body)


@lru_cache(256)
def _said(media_type: str) -> str:
    return parameters(media_type).get("charset", "")


def _known(label: str) -> str:
    """Empty for what is no charset of text."""
    name = re.sub(r"[-. :]", "_", label.strip().lower())
    name = aliases.get(name, name)
    return AS_BROWSERS.get(name, name) if name in KNOWN else ""


def _by_look(body: bytes) -> str:
    if b"\0" in body[:4]:
        for look, charset in LOOKS:
            if look.match(body):
                return charset
    return UTF8 if is_utf8(body) else LATIN1


def is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def transcoded(media_type: str, body: bytes) -> Part | None:
    """All of a text in UTF-8, without its mark; None where it is that. Raises `Unreadable`."""
    charset = charset_of(media_type, body)
    mark = next((len(mark) for mark, of in MARKS if of == charset and body.startswith(mark)), 0)
    if charset == UTF8 and not mark:
        return None
    content, kind = body[mark:], in_utf8(media_type)
    if charset == UTF8:
        return Part(mark, len(body), content, bytes, media_type=kind)
    errors = "surrogatepass" if charset in UNITS else "strict" if charset in SHIFTING else "surrogateescape"
    back = partial(_back, charset, errors)
    try:
        text = content.decode(charset, errors)
        inner = text.encode("utf-8", errors)
        same = back(inner).decode(charset, errors) == text
    except UnicodeError:
        same, inner = False, b""
    if not same:
        raise Unreadable("a text that is not in its charset")
    return Part(mark, len(body), inner, back, media_type=kind)


def _back(charset: str, errors: str, content: bytes) -> bytes:
    """In the charset, as far as it has the characters."""
    text = content.decode("utf-8", errors)
    try:
        return text.encode(charset, errors)
    except UnicodeEncodeError:
        return text.encode(charset, "replace")
