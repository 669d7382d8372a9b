"""All targets, by name. Importing this loads every parser, which atheris has to see happen."""

from fuzz import bodies, hello, http, http2, lane, machine, names, policy, wire
from fuzz.target import TARGETS

__all__ = ["TARGETS", "bodies", "hello", "http", "http2", "lane", "machine", "names", "policy", "wire"]
