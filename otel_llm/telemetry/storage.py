"""What was said, written to any place that fsspec knows, with a reference on the span.

In the background: a call puts its files into a queue that is bounded in number and in size. What finds it full,
or cannot be written, is dropped and counted. Names are OpenTelemetry's: of variables, attributes and files.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import posixpath
import queue
import re
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from otel_llm.guard import dropped, warn_once
from otel_llm.telemetry import names

_MOST = 64 * 1024 * 1024
"""Bytes that wait at the same time."""
_THREADS = 4
_PATIENCE = 5.0
"""Seconds that the end of the process waits for what is still to be written."""
_REMEMBERED = 1024
_FILES = {
    names.INPUT_MESSAGES: "inputs",
    names.OUTPUT_MESSAGES: "outputs",
    names.SYSTEM_INSTRUCTIONS: "system_instruction",
    names.TOOL_DEFINITIONS: "tool.definitions",
}
_SHARED = (names.SYSTEM_INSTRUCTIONS, names.TOOL_DEFINITIONS)
"""What many calls have in common: its file is called by its digest, and written once."""


class _File(NamedTuple):
    path: str
    text: str
    shared: bool


class Storage:
    """One place to write to."""

    def __init__(self, base: str, form: str, most: int) -> None:
        self._base = base if "://" in base else Path(base).absolute().as_uri()
        self._shown = re.sub(r"//[^/@]*@", "//", self._base).partition("?")[0]
        """The same without users, passwords and keys: what references and warnings say."""
        self._form = form
        self._most = most
        self._written: dict[str, None] = {}
        self._filesystem: Any = None
        self._begin()
        atexit.register(self.force_flush)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: queue.SimpleQueue[list[_File]] = queue.SimpleQueue()
        self._lock = threading.Condition()
        self._calls = self._bytes = self._threads = 0

    def store(self, said: Mapping[str, list[dict[str, Any]]], trace_id: int, span_id: int) -> dict[str, str]:
        """Takes what one call said, by the names of its attributes; returns references as attributes of the span,
        none if it was dropped."""
        if self._pid != os.getpid():  # what waited belongs to the parent
            self._begin()
        call = f"{trace_id:032x}_{span_id:016x}" if trace_id else uuid4().hex
        files: list[_File] = []
        references: dict[str, str] = {}
        for name, entries in said.items():
            if not entries:
                continue
            text = self._text(entries)
            stem = hashlib.sha256(text.encode()).hexdigest() if name in _SHARED else call
            file = f"{stem}_{_FILES[name]}.{self._form}"
            references[f"{name}_ref"] = posixpath.join(self._shown, file)
            path = posixpath.join(self._base, file)
            if path not in self._written:
                files.append(_File(path, text, name in _SHARED))
        return references if not files or self._put(files) else {}

    def _text(self, entries: list[dict[str, Any]]) -> str:
        lines = (
            [entries] if self._form == "json" else [{**each, "index": n} for n, each in enumerate(entries)]
        )
        text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        # Halves of characters that came apart are put together, or replaced if there is no other half.
        return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _put(self, files: list[_File]) -> bool:
        size = sum(len(each.text) for each in files)
        with self._lock:
            if self._calls >= self._most or (self._calls and self._bytes + size > _MOST):
                self._drop("the queue is full")
                return False
            self._calls += 1
            self._bytes += size
            start = self._threads < min(_THREADS, self._calls)
            self._threads += start
        self._waiting.put(files)
        if start:
            try:
                threading.Thread(target=self._work, name="otel_llm.storage", daemon=True).start()
            except RuntimeError:  # the process is ending
                with self._lock:
                    self._threads -= 1
        return True

    def _drop(self, why: str) -> None:
        dropped["stored content"] += 1
        warn_once(("storage", why), "what was said is not stored in %s: %s", self._shown, why)

    def _work(self) -> None:
        waiting, lock = self._waiting, self._lock
        while True:
            files = waiting.get()
            try:
                for each in files:
                    self._write(each)
            except Exception as error:  # noqa: BLE001 - a full disk, a missing right, a missing library
                self._drop(type(error).__name__)
            finally:
                with lock:
                    self._calls -= 1
                    self._bytes -= sum(len(each.text) for each in files)
                    lock.notify_all()

    def _write(self, file: _File) -> None:
        if self._filesystem is None:
            # Folders are made only where there are any.
            options = {"auto_mkdir": True} if self._base.startswith("file:") else {}
            self._filesystem, _ = import_module("fsspec").url_to_fs(self._base, **options)
        with self._filesystem.open(file.path, "w", encoding="utf-8") as out:
            out.write(file.text)
        if file.shared and len(self._written) < _REMEMBERED:
            self._written[file.path] = None

    def force_flush(self, timeout: float = _PATIENCE) -> bool:
        """Wait until all is written, `timeout` seconds at most; True if it is."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while self._calls and self._pid == os.getpid():
                left = deadline - time.monotonic()
                if left <= 0 or not self._threads:
                    return False
                self._lock.wait(left)
        return True
