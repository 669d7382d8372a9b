"""Keys in armour end where their armour does, and those that are broken off as late as they may."""

import pytest

from outgate.redact.detect.search import Detectors
from redact.samples import sample

SECRETS = Detectors(["secrets"])
LINES = "\n".join(sample("{w64}", number) for number in range(3))
BEGIN, END = (f"-----{which} OPENSSH PRIVATE KEY-----" for which in ("BEGIN", "END"))


def left(text):
    """What is not found."""
    made, at = "", 0
    for hit in SECRETS.search([text], [""]):
        made, at = f"{made}{text[at : hit.start]}|", hit.end
    return made + text[at:]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"see\n{BEGIN}\n{LINES}\n{END}\nand then go on", "see\n|\nand then go on"),
        (f"{BEGIN}\n{LINES}\n{END}\n{BEGIN}\n{LINES}\n{END}\nthen", "|\n|\nthen"),
        (f"{BEGIN}\n{LINES}\n{BEGIN}\n{LINES}\n{END}\nthen", "|\nthen"),
        (f"{BEGIN}\n{LINES}\n", "|"),
        (f"{BEGIN}\n{LINES}\nand so on; this stays", "|; this stays"),
        ("\n".join(f'# 0.2 + "{each}"' for each in (BEGIN, *LINES.split(), END)), '# 0.2 + "|"'),
        (f"{BEGIN} is how; {BEGIN}\n{LINES}\n{END}; then", "|; |; then"),
    ],
)
def test_a_key_in_armour(text, rest):
    assert left(text) == rest
