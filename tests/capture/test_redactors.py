"""By what redaction a record was made is told by a digest of what is said about it."""

from outgate.capture.redactors import digest_of
from outgate.policy.model import Source
from outgate.policy.redaction_model import Carrier, KeepingPolicy, RedactionPolicy, RedactionRule, Selector
from outgate.problems import Where


def test_what_is_said_of_redaction_has_one_digest_wherever_it_is_written():
    def said(line):
        source = Source(Where("r.yaml", line, 1), "EgressRedaction", "r", "")
        rule = RedactionRule("mine", (Selector(Carrier.HEADER, "x-mine", source),), source=source)
        return KeepingPolicy((RedactionPolicy("r", rules=(rule,), source=source),))

    assert digest_of(said(1)) == digest_of(said(2)) != digest_of(KeepingPolicy())
