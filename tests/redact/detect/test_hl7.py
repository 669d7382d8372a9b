"""Who somebody is in messages of HL7 version 2."""

import pytest

from outgate.redact.detect import hl7
from outgate.redact.detect.search import Detectors

DETECTORS = Detectors(each.name for each in hl7.DETECTORS)
PID = "PID|1||75389158^^^LAB^MR||Zyx^Qwert||19480312|M|||9 PRAIRIE RD^^TOPEKA||785-271-9121"


def found(text):
    return [text[hit.start : hit.end] for hit in DETECTORS.search([text], [""])]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_fields_of_a_patient_are_found(end):
    text = f"MSH|^~\\&|LIS|LAB|EMR|X|20250522134002||ORU^R01|88120417|P|2.4{end}{PID}{end}OBX|1|NM|4548-4^A1c||6.1"
    assert found(text) == ["75389158^^^LAB^MR", "Zyx^Qwert", "19480312", "9 PRAIRIE RD^^TOPEKA", "785-271-9121"]


def test_next_of_kin_and_insurance():
    assert found("NK1|1|Zyx^Qwert|SPO|9 Elm Rd|555-0100") == ["Zyx^Qwert", "9 Elm Rd", "555-0100"]
    assert found(f"IN1|1{'|' * 14}|Zyx^Qwert|SEL") == ["Zyx^Qwert"]


@pytest.mark.parametrize("text", ["PID|1|", "RAPID|1||a^b||c", "OBX|1|NM|x||6.1", "PID: 4711"])
def test_all_else_stays(text):
    assert found(text) == []
