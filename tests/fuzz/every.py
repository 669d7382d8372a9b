"""All targets, by name. Importing this loads every parser, which atheris has to see happen."""

from fuzz import bodies, detect, hello, http, http2, lane, machine, names, pipeline, policy, redaction, wire
from fuzz.target import TARGETS

__all__ = [
    "TARGETS",
    "bodies",
    "detect",
    "hello",
    "http",
    "http2",
    "lane",
    "machine",
    "names",
    "pipeline",
    "policy",
    "redaction",
    "wire",
]
