"""Listening to LangChain and LangGraph through the hook that they offer: a handler in every callback manager.

The handler attaches nothing. A run's parent is the run that LangChain says it is; code inside a run finds its
span as the current one, because LangChain runs it in a copy of the context, in which it is made current.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from opentelemetry import context as context_api

from otel_llm.guard import internal_error
from otel_llm.hooks.patching import Patches
from otel_llm.hooks.runs import Describe, Runs
from otel_llm.telemetry import frames

_SET_CONTEXT = "_set_config_context"


@dataclass(frozen=True, slots=True)
class CallbackSdk:
    """A framework that calls back: where it offers its hook, and what its runs are."""

    name: str
    distribution: str
    versions: str
    module: str
    """Has the list of hooks and the function that adds to it."""
    describe: Describe
    bodies: tuple[str, ...]
    """Modules in which a run's code gets its context."""

    def install(self, patches: Patches) -> None:
        """Offer the handler as soon as the application has imported the framework."""
        runs = Runs(patches.switch, self.name, self.describe)
        patches.on_import(self.module, functools.partial(self._register, patches, runs))
        for module in self.bodies:
            patches.on_import(module, functools.partial(_patch_bodies, patches, runs))

    def _register(self, patches: Patches, runs: Runs, module: ModuleType) -> None:
        from importlib import import_module

        base: Any = import_module("langchain_core.callbacks.base").BaseCallbackHandler
        kind = _handler_class(base, runs)
        variable: Any = _Offer(kind())
        module.register_configure_hook(variable, inheritable=True, handle_class=kind)
        patches.status[f"{self.module}.register_configure_hook"] = "active"

        def forget() -> None:
            module._configure_hooks[:] = [hook for hook in module._configure_hooks if hook[0] is not variable]

        patches.undo_with(forget)


class _Offer:
    """In the place of the context variable that has the handler: the same one in every context. It is asked for where
    a run is about to begin, and takes note of where that is: older versions tell of it in other tasks."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def get(self) -> Any:
        try:
            frames.prepare()
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("preparing for a run")
        return self._handler


def _patch_bodies(patches: Patches, runs: Runs, module: ModuleType) -> None:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def set_config_context(config: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(config, *args, **kwargs)
            try:
                context = runs.context_of(getattr(config.get("callbacks"), "parent_run_id", None))
                if context is not None:
                    context_api.attach(context)  # in a copy of the context, which is thrown away
            except Exception:  # noqa: BLE001 - ours, not the user's
                internal_error("making a run current")
            return result

        return set_config_context

    if _SET_CONTEXT in vars(module):
        patches.replace(module, _SET_CONTEXT, wrap)


def _handler_class(base: type[Any], runs: Runs) -> type[Any]:
    """The handler. It passes events on; what becomes of them is the same for every framework."""

    class OtelLlmHandler(base):
        run_inline = True  # else async managers would call it in other threads, late and out of order

        def on_chat_model_start(self, serialized: Any, messages: Any, **told: Any) -> None:
            runs.start("chat", serialized, messages, told)

        def on_llm_start(self, serialized: Any, prompts: Any, **told: Any) -> None:
            runs.start("llm", serialized, prompts, told)

        def on_chain_start(self, serialized: Any, inputs: Any, **told: Any) -> None:
            runs.start("chain", serialized, inputs, told)

        def on_tool_start(self, serialized: Any, input_str: Any, **told: Any) -> None:
            runs.start("tool", serialized, input_str, told)

        def on_retriever_start(self, serialized: Any, query: Any, **told: Any) -> None:
            runs.start("retriever", serialized, query, told)

        def on_llm_new_token(self, token: Any, *, run_id: Any, **told: Any) -> None:
            runs.saw_chunk(run_id)

        def on_stream_event(self, event: Any, *, run_id: Any, **told: Any) -> None:
            runs.saw_chunk(run_id)

        def on_llm_end(self, response: Any, *, run_id: Any, **told: Any) -> None:
            runs.end(run_id, response)

        def on_llm_error(self, error: BaseException, *, run_id: Any, **told: Any) -> None:
            runs.fail(run_id, error, told.get("response"))

        def _ended(self, result: Any, *, run_id: Any, **told: Any) -> None:
            runs.end(run_id, result, told)

        def _failed(self, error: BaseException, *, run_id: Any, **told: Any) -> None:
            runs.fail(run_id, error)

        on_chain_end = on_tool_end = on_retriever_end = _ended
        on_chain_error = on_tool_error = on_retriever_error = _failed

    return OtelLlmHandler
