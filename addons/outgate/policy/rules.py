"""One access policy, compiled: whether any of its rules matches an attempt, and why not.

Owns how the parts of a rule combine, and the two readings of what an attempt does not show: it never satisfies an ALLOW
rule, and it satisfies a DENY or AUDIT rule. On a tunnel an ALLOW rule that names anything of HTTP does not match at
all, whatever its alternatives, as in Istio. Knows no other policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from outgate.policy.access_model import AccessPolicy, AccessRule, Action, Attribute, Condition
from outgate.policy.conditions import HTTP_ONLY, Terms, Test, compile_condition, describe
from outgate.policy.facts import Facts
from outgate.policy.model import Defaults, Source
from outgate.policy.steps import Steps

type Tests = tuple[Test, ...]
type Holds = Callable[[Tests, Facts], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; its tests stand in the order of its conditions."""

    rule: AccessRule
    granting: bool
    sources: tuple[Tests, ...]
    operations: tuple[Tests, ...]
    conditions: Tests
    of_http: frozenset[Attribute]
    """What it names that a tunnel does not show."""

    @classmethod
    def of(cls, rule: AccessRule, terms: Terms) -> Rule:
        def compiled(conditions: Iterable[Condition]) -> Tests:
            return tuple(compile_condition(condition, terms) for condition in conditions)

        return cls(
            rule,
            terms.granting,
            tuple(compiled(group) for group in rule.sources),
            tuple(compiled(group) for group in rule.operations),
            compiled(rule.conditions),
            HTTP_ONLY & {condition.attribute for condition in conditions_of(rule)},
        )

    def matches(self, facts: Facts) -> bool:
        if self.granting and not facts.http and self.of_http and self.unseen(facts):
            return False
        holds = _all_true if self.granting else _none_false
        return (
            holds(self.conditions, facts)
            and (not self.operations or _any(self.operations, holds, facts))
            and (not self.sources or _any(self.sources, holds, facts))
        )

    def unseen(self, facts: Facts) -> frozenset[Attribute]:
        """What the rule names and this tunnel does not show. Hosts may be judged by another name."""
        return self.of_http if facts.names is None else self.of_http - {Attribute.HOST}

    def why_not(self, facts: Facts) -> str:
        """Why the rule does not match, in words."""
        if self.granting and not facts.http and (unseen := self.unseen(facts)):
            return f"a tunnel does not show {', '.join(sorted(unseen))}"
        if failed := self._failed(self.rule.conditions, self.conditions, facts):
            return failed
        for name, groups, compiled in (
            ("operation", self.rule.operations, self.operations),
            ("source", self.rule.sources, self.sources),
        ):
            failures = [self._failed(*both, facts) for both in zip(groups, compiled, strict=True)]
            if failures and all(failures):
                return f"no {name} fits: {' | '.join(failures)}"
        return ""

    def _failed(self, conditions: tuple[Condition, ...], tests: Tests, facts: Facts) -> str:
        """The first condition that does not hold, in words; empty where all hold."""
        for condition, test in zip(conditions, tests, strict=True):
            found = test(facts)
            if found is False:
                return f"not so: {describe(condition)}"
            if found is None and self.granting:
                return f"not known here: {describe(condition)}"
        return ""


@dataclass(frozen=True, slots=True)
class Policy:
    """One document's rules."""

    policy: AccessPolicy
    rules: tuple[Rule, ...]

    @classmethod
    def of(cls, policy: AccessPolicy, defaults: Defaults) -> Policy:
        """Raises `ValueError` for values that cannot be read."""
        terms = Terms(defaults, granting=policy.action is Action.ALLOW)
        return cls(policy, tuple(Rule.of(rule, terms) for rule in policy.rules))

    def concerns(self, facts: Facts) -> bool:
        return not self.policy.targets or facts.target in self.policy.targets

    def match(self, facts: Facts, steps: Steps | None) -> Source | None:
        """The first rule that matches, or None."""
        for rule in self.rules:
            matched = rule.matches(facts)
            if steps is not None:
                steps.say(self._step(rule, matched, facts), rule.rule.source or self.policy.source)
            if matched:
                return rule.rule.source or self.policy.source
        if steps is not None and not self.rules:
            steps.say(f"{self.title} has no rules, so it never matches", self.policy.source)
        return None

    @property
    def title(self) -> str:
        dry = "dry-run " if self.policy.shadow else ""
        return f"{dry}{self.policy.action} policy"

    def _step(self, rule: Rule, matched: bool, facts: Facts) -> str:
        return f"{self.title}: the rule {'matches' if matched else f'does not match, {rule.why_not(facts)}'}"


def conditions_of(rule: AccessRule) -> Iterable[Condition]:
    """Every condition of a rule."""
    for group in (*rule.sources, *rule.operations, rule.conditions):
        yield from group


def first(policies: Iterable[Policy], facts: Facts, steps: Steps | None) -> Source | None:
    """The first rule of any of the policies that matches, or None."""
    for policy in policies:
        if policy.concerns(facts):
            if (found := policy.match(facts, steps)) is not None:
                return found
        elif steps is not None:
            steps.say(f"{policy.title} is about another destination", policy.policy.source)
    return None


# Loops and not `all` or `any`: rules are judged for every request, and a generator costs more than the tests it runs.


def _all_true(tests: Tests, facts: Facts) -> bool:
    for test in tests:  # noqa: SIM110
        if test(facts) is not True:
            return False
    return True


def _none_false(tests: Tests, facts: Facts) -> bool:
    for test in tests:  # noqa: SIM110
        if test(facts) is False:
            return False
    return True


def _any(groups: tuple[Tests, ...], holds: Holds, facts: Facts) -> bool:
    for tests in groups:  # noqa: SIM110
        if holds(tests, facts):
            return True
    return False
