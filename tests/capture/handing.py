"""Exchanges on their way to where they are redacted, and a gate's side of that way."""

from outgate.policy.redaction_model import CapturePolicy

CANARY = b"h1dden-c4nary-value"
MASTER = b"m" * 32


def capture(folder, **facts):
    return CapturePolicy(folder.name, folder=str(folder), **facts)


def asked(number=0, value=CANARY, answer=b"", fields=None):
    """A request with a number for its id, and a secret among its fields."""
    fields = ((b"authorization", b"Bearer " + value),) if fields is None else fields
    request = ("GET", "https", "api.example", 443, f"/{number}", "HTTP/1.1", fields, (b"", True, 0, "", ()), ())
    response = (200, "", "HTTP/1.1", (), (answer, True, len(answer), "", ()), ())
    return (str(number), 1e9, request, response, (), 0, None, "", ("allow", *[""] * 5), (None,) * 3, "")
