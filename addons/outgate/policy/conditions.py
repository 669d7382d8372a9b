"""One condition of a rule, compiled to a test of an attempt.

A test answers True, False, or None where the attempt does not show the attribute. Who asks decides what None means:
an ALLOW rule is not satisfied by it, a DENY rule is. Owns how each attribute is compared; knows no rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from operator import attrgetter

from outgate.policy import matching, principals
from outgate.policy.access_model import Attribute, Condition
from outgate.policy.addresses import as_routed
from outgate.policy.facts import Facts
from outgate.policy.hosts import value_as_spelt
from outgate.policy.model import Defaults, Network

type Test = Callable[[Facts], bool | None]
type Address = IPv4Address | IPv6Address

HTTP_ONLY = frozenset(
    {
        Attribute.HOST,
        Attribute.METHOD,
        Attribute.PATH,
        Attribute.HEADER,
        Attribute.REQUEST_PRINCIPAL,
        Attribute.REQUEST_CLAIM,
    }
)
"""What a tunnel does not show."""
AUTHORITY = frozenset({"host", ":authority"})
OWN = "."
"""Among regions, the caller's own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every condition of a policy."""

    defaults: Defaults
    granting: bool
    """The rule gives leave, so what a workload may choose by itself does not count."""

    @property
    def domains(self) -> tuple[str, ...]:
        return (self.defaults.trust_domain, *self.defaults.trust_domain_aliases)


def compile_condition(condition: Condition, terms: Terms) -> Test:
    """The test of a condition. Raises `ValueError` for values that its attribute cannot have."""
    test = MAKERS[condition.attribute](condition, terms)
    return _negated(test) if condition.negated else test


def describe(condition: Condition) -> str:
    """A condition in words, for people."""
    what = f"{condition.attribute}[{condition.key}]" if condition.key else str(condition.attribute)
    of_region = condition.attribute is Attribute.REGION
    values = ("the caller's own" if of_region and value == OWN else value for value in condition.values)
    return f"{what} {'is none of' if condition.negated else 'is one of'} {', '.join(values)}"


def _negated(test: Test) -> Test:
    def negated(facts: Facts) -> bool | None:
        found = test(facts)
        return None if found is None else not found

    return negated


def _text(read: Callable[[Facts], str | None], match: matching.Match) -> Test:
    def test(facts: Facts) -> bool | None:
        text = read(facts)
        return None if text is None else match(text)

    return test


def _principal(condition: Condition, terms: Terms) -> Test:
    values = (value.removeprefix(principals.SCHEME) for value in condition.values)
    return _text(attrgetter("principal"), matching.strings(principals.aliased(values, terms.domains)))


def _namespace(condition: Condition, terms: Terms) -> Test:
    return _text(attrgetter("namespace"), matching.globs(condition.values))


def _account(condition: Condition, terms: Terms) -> Test:
    return _text(attrgetter("account"), matching.strings(condition.values))


def _trust_domain(condition: Condition, terms: Terms) -> Test:
    values = principals.same_domains(condition.values, terms.domains)
    return _text(attrgetter("trust_domain"), matching.globs(values))


def _source_label(condition: Condition, terms: Terms) -> Test:
    key = condition.key
    return _text(lambda facts: facts.label(key), matching.strings(condition.values))


def _source_ip(condition: Condition, terms: Terms) -> Test:
    """Also for the remote address: a header that a workload sends does not say who it is."""
    return _address(attrgetter("source_address"), condition.values)


def _destination_ip(condition: Condition, terms: Terms) -> Test:
    """By what will be dialled. A rule that lets pass has to mean all that may be; one that keeps back is met by any,
    and by the address that the workload dialled, too."""
    holds = _within(condition.values)
    withholding = terms.granting is condition.negated

    def test(facts: Facts) -> bool | None:
        dialled, places = facts.dialled_address, facts.destination_addresses
        if withholding and dialled is not None and holds(dialled):
            return True
        if places is None:
            return None
        return any(map(holds, places)) if withholding else all(map(holds, places))

    return test


def _address(read: Callable[[Facts], Address | None], values: Sequence[str]) -> Test:
    holds = _within(values)

    def test(facts: Facts) -> bool | None:
        address = read(facts)
        return None if address is None else holds(address)

    return test


def _within(values: Sequence[str]) -> Callable[[Address], bool]:
    networks: list[Network] = [as_routed(ip_network(value, strict=False)) for value in values]
    single = frozenset(network.network_address for network in networks if network.num_addresses == 1)
    wide = [network for network in networks if network.num_addresses > 1]
    return lambda address: address in single or any(address in network for network in wide)


def _port(condition: Condition, terms: Terms) -> Test:
    ports = frozenset(int(value) for value in condition.values)
    return lambda facts: facts.attempt.port in ports


def _sni(condition: Condition, terms: Terms) -> Test:
    return _text(attrgetter("sni"), matching.strings(map(value_as_spelt, condition.values)))


def _region(condition: Condition, terms: Terms) -> Test:
    """Where the caller's own is meant and not known, it is open whether the rule holds."""
    match, own = matching.strings(value for value in condition.values if value != OWN), OWN in condition.values

    def test(facts: Facts) -> bool | None:
        if facts.region is None or match(facts.region) or not own:
            return None if facts.region is None else match(facts.region)
        return None if facts.own_region is None else facts.own_region == facts.region

    return test


def _method(condition: Condition, terms: Terms) -> Test:
    return _text(attrgetter("method"), matching.strings(condition.values))


def _host(condition: Condition, terms: Terms) -> Test:
    """What keeps something back (a DENY of hosts, an ALLOW of all others) does so whatever spelling was sent."""
    match = matching.strings(map(value_as_spelt, condition.values))
    withholding = terms.granting is condition.negated

    def test(facts: Facts) -> bool | None:
        names = facts.names
        if names is None:
            return None
        if withholding:
            return any(match(spelling) for spelling in names.all)
        matched = [match(spelling) for spelling in names.spellings]
        # Spellings that ought to agree and do not leave it open whether the host is meant.
        return None if names.as_sent and any(matched) != all(matched) else any(matched)

    return test


def _path(condition: Condition, terms: Terms) -> Test:
    templates = [matching.Template.parse(value) for value in condition.values if matching.is_template(value)]
    match = matching.strings(value for value in condition.values if not matching.is_template(value))

    def test(facts: Facts) -> bool | None:
        path = facts.path
        if path is None or match(path):
            return None if path is None else True
        found = {template.match(path) for template in templates}
        return True if True in found else None if None in found else False

    return test


def _header(condition: Condition, terms: Terms) -> Test:
    """`*` asks only whether the header is there, as Envoy does; a header that is not there matches nothing."""
    key = condition.key.lower()
    if key in AUTHORITY:
        return _host(condition, terms)
    match = (lambda text: True) if "*" in condition.values else matching.strings(condition.values)

    def test(facts: Facts) -> bool | None:
        if not facts.http:
            return None
        text = facts.header(key)
        return False if text is None else match(text)

    return test


def _unknown(condition: Condition, terms: Terms) -> Test:
    """The gate verifies no tokens and has no Envoy filters."""
    return lambda facts: None


MAKERS: dict[Attribute, Callable[[Condition, Terms], Test]] = {
    Attribute.PRINCIPAL: _principal,
    Attribute.NAMESPACE: _namespace,
    Attribute.SERVICE_ACCOUNT: _account,
    Attribute.TRUST_DOMAIN: _trust_domain,
    Attribute.SOURCE_IP: _source_ip,
    Attribute.REMOTE_IP: _source_ip,
    Attribute.SOURCE_LABEL: _source_label,
    Attribute.REQUEST_PRINCIPAL: _unknown,
    Attribute.REQUEST_CLAIM: _unknown,
    Attribute.HOST: _host,
    Attribute.PORT: _port,
    Attribute.METHOD: _method,
    Attribute.PATH: _path,
    Attribute.HEADER: _header,
    Attribute.SNI: _sni,
    Attribute.DESTINATION_IP: _destination_ip,
    Attribute.REGION: _region,
    Attribute.METADATA: _unknown,
}
