"""Personal data in messages of HL7 version 2, whose fields have no names but their numbers in a segment.

A table of the fields that say who somebody is: of patients, next of kin, guarantors and insurances.
"""

from __future__ import annotations

from outgate.redact.detect.detector import Detector, Group, anywhere

_NUMBERED = {
    "PID": (2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 18, 19, 20),
    "NK1": (2, 4, 5, 6, 16),
    "GT1": (3, 5, 6, 7, 8, 12),
    "IN1": (16, 18, 19, 36, 49),
}


def _field(segment: str, number: int) -> Detector:
    begins = rf"\b{segment}\|"
    return Detector(
        f"hl7-{segment.lower()}-{number}",
        Group.PII,
        rf"{begins}(?:[^|\r\n\x00]*\|){{{number - 1}}}([^|\s\x00][^|\r\n\x00]+)(?:[|\r\n\x00]|\z)",
        f"{segment}|{'|' * (number - 1)}Doe^Jory|",
        hint=begins,
        around=anywhere,
        longest=4096,
    )


DETECTORS = tuple(_field(segment, number) for segment, numbers in _NUMBERED.items() for number in numbers)
