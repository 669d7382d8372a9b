"""Who is calling, as far as a mapping can say it.

Owns the choice among `Defaults.identities`. Where uid and address come from is the data plane's business.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, ip_address

from outgate.policy import principals
from outgate.policy.addresses import named
from outgate.policy.model import Defaults, Identity, IdentityMapping


def asks_uid(defaults: Defaults) -> bool:
    """Whether any mapping goes by uid, so that it is worth finding out."""
    return any(mapping.uids for mapping in defaults.identities)


def identify(defaults: Defaults, caller: Identity) -> Identity:
    """The caller with what the first fitting mapping says, unless it is identified already, and with the principal that
    namespace and account make in the gate's own mesh, where it has none."""
    if not (caller.namespace or caller.service_account or caller.principal):
        caller = _mapped(defaults, caller)
    composed = principals.compose(defaults.trust_domain, caller.namespace, caller.service_account)
    return replace(caller, principal=composed) if composed and not caller.principal else caller


def _mapped(defaults: Defaults, caller: Identity) -> Identity:
    for mapping in defaults.identities:
        if _fits(mapping, caller):
            how = "uid" if mapping.uids else "address"
            return replace(
                caller,
                namespace=mapping.namespace,
                service_account=mapping.service_account,
                labels=mapping.labels,
                how=how,
            )
    return caller


def _fits(mapping: IdentityMapping, caller: Identity) -> bool:
    if mapping.uids and caller.uid not in mapping.uids:
        return False
    if not mapping.networks:
        return bool(mapping.uids)
    if not caller.address:
        return False
    ip = ip_address(caller.address)
    ip = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
    return any(named(ip, network) for network in mapping.networks)
