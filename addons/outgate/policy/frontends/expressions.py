"""RE2 expressions in documents: why one cannot be compiled.

Owns the asking. What an expression may be beside that is for whoever reads it.
"""

from __future__ import annotations

import re2


def expression_fault(text: str) -> str:
    """In RE2's words; empty where nothing is wrong."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error as error:
        why = error.args[0]
        return why.decode(errors="replace") if isinstance(why, bytes) else str(why)
    except UnicodeError:
        return "it holds half of a character"
    return ""
