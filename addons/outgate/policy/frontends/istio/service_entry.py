"""ServiceEntry: its shape.

Owns the fields and the values each may have. What they ask of each other is `service_entry_checks.py`'s, what an entry
comes to `destinations.py`'s.
"""

from __future__ import annotations

from outgate.policy.frontends.istio.common import (
    EXPORTS,
    HOST,
    NETWORK,
    OPTIONAL_PORT,
    PORT,
    Checked,
    Labels,
    Placed,
    label_fault,
)
from outgate.policy.frontends.istio.ports import PROTOCOL
from outgate.policy.frontends.istio.resource import NETWORKING, Kind, envelope
from outgate.policy.frontends.istio.service_entry_checks import check
from outgate.policy.model import Fate
from outgate.policy.schema import Choice, Field, Fields, Integer, Mapping, Sequence, Text

RESOLUTIONS = ("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")

SERVICE_PORT = Fields(
    {
        "number": Field(PORT, required=True),
        "name": Field(Checked(label_fault, maximum=256), required=True),
        "protocol": Field(PROTOCOL, note="UDP is not carried"),
        "targetPort": Field(OPTIONAL_PORT),
    },
    snake=True,
)

ENDPOINT = {
    "address": Field(Text(maximum=256), note="sockets (unix://) are refused"),
    "ports": Field(Mapping(Placed(PORT))),
    "labels": Field(Labels()),
    "network": Field(Text(maximum=2048), fate=Fate.IGNORED, note="every address is dialled directly"),
    "locality": Field(Text(maximum=2048)),
    "weight": Field(Integer(0, 2**32 - 1)),
    "serviceAccount": Field(Text(maximum=253), fate=Fate.IGNORED, note="the gate speaks no mesh TLS to workloads"),
}

SPEC = Fields(
    {
        "hosts": Field(
            Sequence(Placed(HOST), least=1, most=256),
            required=True,
            note="a wildcard for part of a label (`*example.com`) is refused",
        ),
        "addresses": Field(Sequence(Placed(NETWORK), most=256)),
        "ports": Field(Sequence(SERVICE_PORT, most=256)),
        "location": Field(Choice(("MESH_EXTERNAL", "MESH_INTERNAL"))),
        "resolution": Field(Choice(RESOLUTIONS)),
        "endpoints": Field(Sequence(Fields(ENDPOINT, snake=True), most=4096)),
        "workloadSelector": Field(
            Fields({"labels": Field(Labels(selector=True))}, snake=True),
            fate=Fate.LATER,
            guards=True,
            note="the gate knows no workloads; list their addresses under endpoints",
        ),
        "exportTo": Field(EXPORTS),
        "subjectAltNames": Field(Sequence(Text(empty=False))),
    },
    snake=True,
)


KIND = Kind("ServiceEntry", "networking.istio.io", NETWORKING, envelope(Field(SPEC, required=True)), check)
