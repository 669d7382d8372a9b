"""What a pod chooses for itself: annotations to settings.

Owns the names below `outgate.dev/`, how each is read, and who may use them. What a setting does is not known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from outgate.injection.quantities import QUANTITY
from outgate.injection.settings import DOMAIN, Form, Mode, Redirect, Settings
from outgate.netfilter.options import parse_cidrs, parse_ports

INJECT = f"{DOMAIN}/inject"
STATUS = f"{DOMAIN}/status"
"""What the injection writes down for its own removal."""
INJECTED = f"{DOMAIN}/injected"
"""The label of pods whose traffic is turned to a gate: a NetworkPolicy may let these, and no others, leave."""
TRUTH = {"true": True, "false": False}
RESOURCES = {
    "cpu-request": ("requests", "cpu"),
    "memory-request": ("requests", "memory"),
    "cpu-limit": ("limits", "cpu"),
    "memory-limit": ("limits", "memory"),
}

type Chosen = Callable[[Settings, str], Settings]


class Refusal(Exception):
    """The pod cannot have a sidecar as it is. The text says why, and what to do."""

    place: tuple[int, ...] = ()
    """Which item of a list it is of, or of a list in a list, counted from 0."""


def _truth(text: str) -> bool:
    if text not in TRUTH:
        raise ValueError('write "true" or "false"')
    return TRUTH[text]


def _named(kind: type[Form] | type[Mode], text: str) -> Any:
    if text not in set(kind):
        raise ValueError(f"write {' or '.join(kind)}")
    return kind(text)


def _policy(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError("write names of ConfigMaps with commas between them")
    return names


def _redirect(settings: Settings, **changed: Any) -> Settings:
    redirect: Redirect = replace(settings.redirect, **changed)
    return replace(settings, redirect=redirect)


def _ports(settings: Settings, text: str) -> Settings:
    return _redirect(settings, ports=() if text == "all" else _some(parse_ports(text)))


def _some[T](values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise ValueError('write ports such as "443,8000-8100", or "all"')
    return values


def _resource(group: str, name: str) -> Chosen:
    def choose(settings: Settings, text: str) -> Settings:
        if not QUANTITY.fullmatch(text):
            raise ValueError("write a quantity such as 100m or 512Mi")
        amounts = getattr(settings.resources, group) | {name: text}
        return replace(settings, resources=replace(settings.resources, **{group: amounts}))

    return choose


CHOICES: Mapping[str, Chosen] = {
    "sidecar": lambda settings, text: replace(settings, sidecar=_named(Form, text)),
    "mode": lambda settings, text: replace(settings, mode=_named(Mode, text)),
    "policy": lambda settings, text: replace(settings, policy=_policy(text)),
    "dns": lambda settings, text: replace(settings, dns=_truth(text)),
    "ports": _ports,
    "exclude-ports": lambda settings, text: _redirect(settings, exclude_ports=parse_ports(text)),
    "exclude-cidrs": lambda settings, text: _redirect(settings, exclude_cidrs=parse_cidrs(text)),
    **{name: _resource(*where) for name, where in RESOURCES.items()},
}
"""By the name after the slash: the settings with what the text chooses. Raises ValueError that says what to write."""
NAMES = ("inject", *CHOICES)


def wanted(metadata: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the pod is to have a sidecar: it is unless it says no. Raises `Refusal`."""
    said = [(kind, _of(metadata, kind)[INJECT]) for kind in ("labels", "annotations") if INJECT in _of(metadata, kind)]
    for kind, text in said:
        if not isinstance(text, str) or text not in TRUTH:
            raise Refusal(f'the {kind[:-1]} {INJECT} is "{_shown(text)}"; write "true" or "false"')
    answers = {TRUTH[text] for _, text in said}
    if len(answers) > 1:
        raise Refusal(f"the label and the annotation {INJECT} say different things; keep one")
    if False in answers and not _may("inject", settings):
        raise Refusal(f"{INJECT} may not be chosen by pods here; remove it")
    return False not in answers


def chosen(metadata: Mapping[str, Any], settings: Settings) -> Settings:
    """The settings as the pod's annotations have them. Raises `Refusal`."""
    for key, text in sorted(_of(metadata, "annotations").items(), key=lambda each: str(each[0])):
        domain, _, name = str(key).partition("/")
        if domain == DOMAIN and key not in (STATUS, INJECT):
            settings = _choose(settings, name, text)
    if settings.dns and settings.mode is Mode.REGULAR:
        raise Refusal("in regular mode nothing leads the workload's DNS to the gate; leave out one of mode and dns")
    return settings


def _choose(settings: Settings, name: str, text: object) -> Settings:
    if name not in CHOICES:
        close = difflib.get_close_matches(name, NAMES, 1)
        hint = f"did you mean {DOMAIN}/{close[0]}?" if close else f"known: {', '.join(sorted(NAMES))}"
        raise Refusal(f"the annotation {DOMAIN}/{name} is not known; {hint}")
    if not _may(name, settings):
        raise Refusal(f"{DOMAIN}/{name} may not be chosen by pods here; remove it")
    try:
        if not isinstance(text, str):
            raise ValueError("quote it: annotations are texts")
        return CHOICES[name](settings, text)
    except ValueError as error:
        raise Refusal(f'the annotation {DOMAIN}/{name} is "{_shown(text)}"; {error}') from error


def _may(name: str, settings: Settings) -> bool:
    return settings.annotations is None or name in settings.annotations


def _of(metadata: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = metadata.get(kind) or {}
    if not isinstance(found, dict):
        raise Refusal(f"metadata.{kind} is no mapping; write one")
    return found


def _shown(text: object) -> str:
    return str(text)[:60]
