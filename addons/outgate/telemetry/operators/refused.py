"""Operators of Envoy's that mean nothing here, or that are not known, each with what to write instead.

Owns the list and the words of the refusal.
"""

from __future__ import annotations

_METADATA = "the gate has no Envoy metadata; write DYNAMIC_METADATA(outgate:KEY) for its own facts"
_CEL = "expressions stand in filters alone; write the operator of the attribute, such as RESPONSE_CODE"
_STATE = "the gate has no filter state; write DYNAMIC_METADATA(outgate:KEY) for its own facts"
_QUIC = "it is measured for QUIC alone, which the gate does not speak; leave it out"
_INTERNAL = "there are no internal listeners here; leave it out"
_OWN = "it is of the gate's own certificate; leave it out, outgate certs shows it"
_CHAIN = "only the first certificate of a chain is kept; write the operator without CHAIN or ISSUER_"
_GROUP = "Python's TLS does not tell which group was agreed on; write {side}_TLS_CIPHER"
_SESSION = "in TLS 1.3 it says nothing, so it is not read; write {side}"
_CLOSE = "how a connection was closed is not kept; write RESPONSE_FLAGS"
_LOCAL_TIME = "lines are in UTC; write the operator without _LOCAL"
_UNCOMPRESSED = "heads are always reckoned before compression; write the operator without DECOMPRESSED_"

REFUSED = {
    "METADATA": _METADATA,
    "CLUSTER_METADATA": _METADATA,
    "UPSTREAM_METADATA": "the gate has no Envoy metadata; write DYNAMIC_METADATA(outgate:endpoint_labels)",
    "FILTER_STATE": _STATE,
    "UPSTREAM_FILTER_STATE": _STATE,
    "CEL": _CEL,
    "TYPED_CEL": _CEL,
    "VIRTUAL_CLUSTER_NAME": "there are no virtual clusters here; write UPSTREAM_CLUSTER",
    "FILTER_CHAIN_NAME": "there are no filter chains here; write ROUTE_NAME",
    "BYTES_RETRANSMITTED": _QUIC,
    "PACKETS_RETRANSMITTED": _QUIC,
    "ROUNDTRIP_DURATION": _QUIC,
    "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID": _INTERNAL,
    "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID": _INTERNAL,
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID": _INTERNAL,
    "REQ_WITHOUT_QUERY": "it is deprecated; write PATH(NQ)",
    "START_TIME_LOCAL": _LOCAL_TIME,
    "EMIT_TIME_LOCAL": _LOCAL_TIME,
    "DOWNSTREAM_HANDSHAKE_DURATION": "it is not measured; write COMMON_DURATION",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION": "it is not measured; write COMMON_DURATION(DS_RX_BEG:US_TX_BEG:ms)",
    **{
        f"{side}_LOCAL_{name}": _OWN
        for side in ("DOWNSTREAM", "UPSTREAM")
        for name in ("SUBJECT", "IP_SAN", "DNS_SAN", "URI_SAN", "EMAIL_SAN", "OTHERNAME_SAN")
    },
    **{
        f"{side}_PEER_{name}": _CHAIN
        for side in ("DOWNSTREAM", "UPSTREAM")
        for name in (
            "CHAIN_FINGERPRINTS_256", "CHAIN_FINGERPRINTS_1", "CHAIN_SERIALS",
            "ISSUER_FINGERPRINT_256", "ISSUER_SERIAL",
        )
    },
    **{f"{side}_TLS_GROUP": _GROUP.format(side=side) for side in ("DOWNSTREAM", "UPSTREAM")},
    "DOWNSTREAM_TLS_SESSION_ID": _SESSION.format(side="CONNECTION_ID"),
    "UPSTREAM_TLS_SESSION_ID": _SESSION.format(side="UPSTREAM_CONNECTION_ID"),
    **{f"{side}_DETECTED_CLOSE_TYPE": _CLOSE for side in ("DOWNSTREAM", "UPSTREAM")},
    **{
        f"{side}_PEER_CERT": f"it is too long for a line; write {side}_PEER_FINGERPRINT_256"
        for side in ("DOWNSTREAM", "UPSTREAM")
    },
    **{
        f"{side}_PEER_OTHERNAME_SAN": f"such names are not read; write {side}_PEER_URI_SAN"
        for side in ("DOWNSTREAM", "UPSTREAM")
    },
    **{
        f"{side}_DECOMPRESSED_HEADER_BYTES_{way}": _UNCOMPRESSED
        for side in ("DOWNSTREAM", "UPSTREAM")
        for way in ("SENT", "RECEIVED")
    },
}  # fmt: skip
