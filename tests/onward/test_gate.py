"""What a replay's own gate keeps."""

from outgate.onward.gate import Way
from outgate.policy.redaction_model import CapturePolicy, KeepingPolicy
from outgate.policy.snapshot import Policy
from outgate.settings import Settings


def test_captures_of_the_policy_take_nothing_of_a_replay(tmp_path):
    policy = Policy("p", keeping=KeepingPolicy(captures=(CapturePolicy("production", folder="/captures"),)))
    (capture,) = Way(Settings(), policy, tmp_path).capturing.keeping.captures
    assert (capture.folder, capture.denied) == (str(tmp_path), False)
