"""Replacing methods of SDK classes, late bound and reversible, once the application has imported the SDK.

Classes are patched and not instances or module functions, so that clients made before count like those
made after. What was replaced is put back as the identical object; wrappers that somebody still holds then
pass straight through, because they ask the switch first.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any, Protocol

from otel_llm.guard import internal_error, logger
from otel_llm.hooks.importing import ImportWatcher
from otel_llm.telemetry.engine import Engine

_MISSING = object()
_PYTHONS_OWN = (FunctionType, classmethod, staticmethod, property)
_OURS = "_otel_llm"
"""The mark on functions of ours."""


class Switch:
    """Holds the engine in force; None while nothing is instrumented."""

    __slots__ = ("engine",)

    def __init__(self) -> None:
        self.engine: Engine | None = None


class Sdk(Protocol):
    """One SDK to listen to, whatever family it belongs to."""

    @property
    def name(self) -> str:
        """As settings and people call it."""
        ...

    @property
    def distribution(self) -> str: ...

    @property
    def versions(self) -> str:
        """Supported versions of the distribution, as a requirement spells them."""
        ...

    @property
    def module(self) -> str:
        """What to import to see whether the hooks find their places."""
        ...

    def install(self, patches: Patches) -> None:
        """Patch what there is to patch as soon as the application has imported it."""
        ...


class Patches:
    """What has been replaced, by whom it was found, and how to put it back."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.status: dict[str, str] = {}
        """For each name, what became of its hooks; for `otel-llm doctor`."""
        self._watcher = ImportWatcher()
        self._undo: list[Callable[[], None]] = []
        self._begun: set[tuple[str, ...]] = set()

    def before_import(self, packages: tuple[str, ...], sdk: Callable[[], Sdk]) -> None:
        """Read up on an SDK and install its hooks once the application begins to import one of its packages."""

        def begins() -> None:
            if self.switch.engine is None or packages in self._begun:
                return
            self._begun.add(packages)
            try:
                sdk().install(self)
            except Exception:  # noqa: BLE001 - one SDK that fails must stop neither the application nor the others
                self.status[packages[0]] = "failed"
                internal_error(f"installing hooks for {packages[0]}")

        for package in packages:
            self._watcher.announce(package, begins)

    def on_import(self, module: str, install: Callable[[ModuleType], None]) -> None:
        """Call `install` with the module once the application has imported it, now if it already has."""

        def imported(found: ModuleType) -> None:
            if self.switch.engine is None:
                return
            try:
                install(found)
            except Exception:  # noqa: BLE001 - one hook that fails must stop neither the application nor the others
                self.status[module] = "failed"
                internal_error(f"patching {module}")

        self._watcher.wait(module, imported)

    def replace(
        self, owner: Any, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> bool:
        """Put `wrapper(original)` in the place of a method. False, and one line in the log, if it is not there."""
        where = f"{_name_of(owner)}.{name}"
        original: Any = vars(owner).get(name, _MISSING) if owner is not None else _MISSING
        if original is _MISSING:
            self.status[where] = "not found"
            logger.info("%s not found: calls through it are not seen", where)
            return False
        replacement = wrapper(_bound_late(original) if isinstance(owner, type) else original)
        if isinstance(replacement, FunctionType):
            setattr(replacement, _OURS, True)
        setattr(owner, name, replacement)
        self.status[where] = "active"
        for heir in _heirs_that_pass_by(owner, name, original):
            self.replace(heir, name, wrapper)

        def undo() -> None:
            # Somebody may have wrapped ours since; then it stays where it is and passes through.
            if vars(owner).get(name) is replacement:
                setattr(owner, name, original)

        self._undo.append(undo)
        return True

    def undo_with(self, undo: Callable[[], None]) -> None:
        """To be called when everything is put back."""
        self._undo.append(undo)

    def restore(self) -> None:
        """Put everything back, last replaced first."""
        while self._undo:
            self._undo.pop()()
        self._watcher.stop()
        self._begun.clear()
        self.status.clear()


def _name_of(owner: Any) -> str:
    if isinstance(owner, ModuleType):
        return owner.__name__
    return f"{getattr(owner, '__module__', '')}.{getattr(owner, '__qualname__', owner)}"


def _bound_late(original: Any) -> Any:
    """A method as a function of its object. Others' wrappers are objects that learn by binding whom they are
    called for, and would not know if they were called like functions."""
    if type(original) in _PYTHONS_OWN or not hasattr(original, "__wrapped__"):
        return original
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def later(own: Any, *args: Any, **kwargs: Any) -> Any:
            return await original.__get__(own, type(own))(*args, **kwargs)

        return later

    @functools.wraps(original)
    def now(own: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(own, type(own))(*args, **kwargs)

    return now


def _heirs_that_pass_by(owner: Any, name: str, original: Any) -> list[type]:
    """Subclasses in which others have wrapped the inherited method: they call it as it was before us."""
    heirs: list[type] = list(owner.__subclasses__()) if isinstance(owner, type) else []
    for heir in heirs:
        heirs += (below for below in heir.__subclasses__() if below not in heirs)
    layers = {heir: _layers(vars(heir)[name]) for heir in heirs if name in vars(heir)}
    wrapped = _layers(original)[-1]
    # Where one of the layers is ours, of an earlier time perhaps, such calls are heard already.
    return [
        heir
        for heir, inside in layers.items()
        if len(inside) > 1 and inside[-1] is wrapped and not any(_OURS in _marks(layer) for layer in inside)
    ]


def _layers(function: Any) -> list[Any]:
    layers = [function]
    while hasattr(layers[-1], "__wrapped__"):
        layers.append(layers[-1].__wrapped__)
    return layers


def _marks(layer: Any) -> Any:
    return layer.__dict__ if isinstance(layer, FunctionType) else ()
