"""Being told when the application has imported a module, without importing it ourselves.

A library for this exists (wrapt), and its newest versions import asyncio and much else at start: more than
all of otel_llm may cost. What is needed of it fits here: a finder that finds nothing itself, but asks those
after it and has the loader they name call back once the module has run. The loader stays the same object, so
whoever asks a module's spec for sources or resources finds what would be there without us.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Imported = Callable[[ModuleType], None]


class ImportWatcher:
    """A meta path finder that waits for modules of certain names."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Imported]] = {}
        self._announced: dict[str, list[Callable[[], None]]] = {}
        self._asking = threading.local()

    def wait(self, name: str, imported: Imported) -> None:
        """Call `imported` with the module each time it is imported; at once if it already is."""
        self._waiting.setdefault(name, []).append(imported)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)  # pyright: ignore[reportArgumentType] - loads nothing, so is no Finder
        module = sys.modules.get(name)
        # A module that is just being imported is in there half made; its loader will call back.
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            imported(module)

    def announce(self, name: str, begins: Callable[[], None]) -> None:
        """Call `begins` once, before a module is imported; at once if it already is."""
        if name in sys.modules:
            begins()
            return
        self._announced.setdefault(name, []).append(begins)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)  # pyright: ignore[reportArgumentType] - as above

    def stop(self) -> None:
        """Wait for nothing any more, and leave no trace on the path."""
        self._waiting.clear()
        self._announced.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)  # pyright: ignore[reportArgumentType]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec that the other finders give, with a loader that calls back; None for all other modules."""
        for begins in self._announced.pop(name, ()):
            begins()
        asking: set[str] = self._asking.__dict__.setdefault("names", set())
        if name not in self._waiting or name in asking:
            return None
        asking.add(name)  # others like us ask everybody too, and would come back here
        try:
            spec = _ask_others(self, name, path, target)
        finally:
            asking.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            try:
                run(module)
            finally:
                if vars(loader).get("exec_module") is exec_module:
                    del loader.exec_module
            for imported in list(self._waiting.get(module.__name__, ())):
                imported(module)

        if not isinstance(loader, type):  # built-in modules share a class as their loader
            loader.exec_module = exec_module


def _ask_others(watcher: ImportWatcher, name: str, path: Any, target: Any) -> ModuleSpec | None:
    for finder in sys.meta_path:
        if finder is not watcher and (find_spec := getattr(finder, "find_spec", None)) is not None:
            spec = find_spec(name, path, target)
            if spec is not None:
                return spec
    return None
