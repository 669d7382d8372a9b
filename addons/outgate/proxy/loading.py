"""Other people's addons, found by file or by the name of an entry point.

Owns what such a file or entry point may hold, and where in it something is wrong. An addon that cannot be loaded stops
the gate's start: it is there to be called.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from mitmproxy import addonmanager, hooks

from outgate.addon import Addon
from outgate.problems import Problem, Where
from outgate.proxy.typed import extensions

GROUP = "outgate.addons"


class AddonError(Exception):
    """An addon cannot be used. Carries the problem, with the file and, where there is one, the line."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def load_addons(names: Sequence[str]) -> list[object]:
    """What stands in the chain for addons given as `FILE.py`, a path with a slash, or the name of an entry point.

    In the order given; those of one file in the file's. Raises `AddonError`.
    """
    found: list[object] = []
    for number, name in enumerate(names, 1):
        path = _path(name)
        addons = _of_file(path, number) if path is not None else _of_entry_point(name)
        for index, addon in enumerate(addons):
            found += extensions(addon, f"{name} ({number}.{index})")
    return found


def _path(name: str) -> Path | None:
    return Path(name) if name.endswith(".py") or "/" in name else None


# Files.


def _of_file(path: Path, number: int) -> list[object]:
    if not path.is_file():
        raise AddonError(Problem(Where(str(path)), "the addon is no file", "name a Python file, or an entry point"))
    return _unfolded(_module(path, number), str(path))


def _module(path: Path, number: int) -> ModuleType:
    """The file as a module of its own; modules beside it can be imported while it is loaded."""
    name = f"outgate_addon_{number}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise AddonError(Problem(Where(str(path)), "the addon is not Python", "name a file that ends in .py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    beside = str(path.resolve().parent)
    sys.path.append(beside)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        raise failed(str(path), error, "loaded") from error
    finally:
        sys.path.remove(beside)
    return module


def _unfolded(module: ModuleType, where: str) -> list[object]:
    """The addons of a module: those it lists, else itself, with functions for hooks."""
    if hasattr(module, "addons"):
        listed = module.addons
        if not isinstance(listed, (list, tuple)) or not listed:
            raise AddonError(Problem(Where(where), "addons is no list of addons", "write addons = [MyAddon()]"))
    else:
        listed = [module]
    for addon in listed:
        _require_addon(addon, where)
    return list(listed)


def _require_addon(addon: object, where: str) -> None:
    if isinstance(addon, type):
        what = f"{addon.__name__} is a class, and nothing would be called"
        raise AddonError(Problem(Where(where), what, f"write addons = [{addon.__name__}()]"))
    if isinstance(addon, Addon) or any(_hooks(part) for part in addonmanager.traverse([addon])):
        return
    what = "there is nothing in it that would be called"
    raise AddonError(Problem(Where(where), what, "write addons = [MyAddon()], with methods of outgate.addon.Addon"))


def _hooks(addon: object) -> list[str]:
    return [name for name in hooks.all_hooks if callable(getattr(addon, name, None))]


# Entry points.


def _of_entry_point(name: str) -> list[object]:
    installed = entry_points(group=GROUP)
    chosen = [entry for entry in installed if entry.name == name]
    if not chosen:
        known = ", ".join(sorted(entry.name for entry in installed)) or "there is none"
        hint = f"installed are: {known}; a file is named with a slash or .py"
        raise AddonError(Problem(Where(f'addon "{name}"'), f"no entry point of {GROUP} has this name", hint))
    if len({entry.value for entry in chosen}) > 1:
        values = ", ".join(entry.value for entry in chosen)
        raise AddonError(Problem(Where(f'addon "{name}"'), f"several have this name: {values}", "uninstall one"))
    return _of_object(chosen[0])


def _of_object(entry: EntryPoint) -> list[object]:
    """A module is read as a file is; a class or a function is called, and gives one addon or a list of them."""
    where = f'addon "{entry.name}" ({entry.value})'
    try:
        found = entry.load()
        if isinstance(found, ModuleType):
            return _unfolded(found, where)
        made = found() if callable(found) else found
    except AddonError:
        raise
    except BaseException as error:
        raise failed(where, error, "loaded") from error
    addons = list(made) if isinstance(made, (list, tuple)) else [made]
    if not addons:
        raise AddonError(Problem(Where(where), "it gives no addon", "return one, or a list of them"))
    for addon in addons:
        _require_addon(addon, where)
    return addons


# Failures.


def failed(where: str, error: BaseException, what: str) -> AddonError:
    """An addon raised at the start. The place is the last line of it that was running."""
    if isinstance(error, SyntaxError) and error.filename:
        place = Where(error.filename, error.lineno or 0, error.offset or 1)
    else:
        place = _last(where, error)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return AddonError(
        Problem(place, f"the addon could not be {what}: {text}", "mend it; the gate does not start without")
    )


def _last(where: str, error: BaseException) -> Where:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    resolved = str(Path(where).resolve())
    own = [frame for frame in frames if frame.filename == resolved] or [
        frame for frame in frames if frame.filename not in (__file__, addonmanager.__file__)
    ]
    if not own:
        return Where(where)
    file = where if own[-1].filename == resolved else own[-1].filename
    return Where(file, own[-1].lineno or 0, (own[-1].colno or 0) + 1)
