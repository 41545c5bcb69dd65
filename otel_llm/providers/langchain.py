"""LangChain and LangGraph: what their runs are in the conventions' words."""

from __future__ import annotations

import re
from typing import Any

from otel_llm.dialects.fields import Fields, fields, items, text
from otel_llm.dialects.langchain_models import CHAT, LLM
from otel_llm.hooks.callbacks import CallbackSdk
from otel_llm.hooks.runs import Describe, Model, Other
from otel_llm.providers.spellings import spelled
from otel_llm.telemetry import names
from otel_llm.telemetry.steps import AGENT, LINK, RETRIEVAL, TOOL, WORKFLOW

_QUIET = ("prompt", "parser")
"""Links that only turn one form into another."""
_HIDDEN = "langsmith:hidden"
_NAMELESS = re.compile(r"Runnable|LangGraph$|.*[<(]")
"""Names that say what a chain is made of, and not what it is for."""
_STEERING = {"GraphBubbleUp", "GeneratorExit"}
_BY_NAME = ("runnables.base", "runnables.fallbacks", "tools.base")
"""Where older versions (seen in 0.3.0) hold a reference of their own to what gives a run's code its context."""
_AGENT, _NODE = "langchain_create_agent", "graph:step:"
_TOOL, _RETRIEVAL, _CHAIN = (f"langchain_steps.{kind}" for kind in ("TOOL", "RETRIEVAL", "CHAIN"))


def _run(callback: str, serialized: Any, given: Any, told: Fields) -> Model | Other | None:
    metadata = fields(told.get("metadata"))
    if callback in ("chat", "llm"):
        provider = text(metadata.get("ls_provider")) or _class_name(serialized).removeprefix("Chat").lower()
        body = {"metadata": metadata, "params": told.get("invocation_params"), "given": given}
        return Model(CHAT if callback == "chat" else LLM, body, spelled(provider), str(_path(serialized)))
    name = text(told.get("name")) or text(fields(serialized).get("name")) or _class_name(serialized)
    agent = text(metadata.get("lc_agent_name"))
    if callback == "tool":
        call, of = text(told.get("tool_call_id")), {names.TOOL_NAME: name, names.TOOL_TYPE: "function"}
        return Other(
            TOOL, name, of | _known({names.TOOL_CALL_ID: call, names.AGENT_NAME: agent}), content=_TOOL
        )
    if callback == "retriever":
        return Other(RETRIEVAL, name, {}, inline=True, content=_RETRIEVAL)
    return _chain(name, agent, metadata, told)


def _chain(name: str, agent: str | None, metadata: Fields, told: Fields) -> Other | None:
    tags = items(told.get("tags"))
    if told.get("run_type") in _QUIET or _HIDDEN in tags:
        return None
    root, node = told.get("parent_run_id") is None, any(str(tag).startswith(_NODE) for tag in tags)
    if metadata.get("ls_integration") == _AGENT and not node and (name == agent or (root and agent is None)):
        return Other(AGENT, name, _known({names.AGENT_NAME: agent}), content=_CHAIN)
    if root:
        known = None if _NAMELESS.match(name) else name
        return Other(WORKFLOW, name, _known({names.WORKFLOW_NAME: known}), content=_CHAIN)
    return Other(LINK, name, {})


def _path(serialized: Any) -> Any:
    return items(fields(serialized).get("id"))


def _class_name(serialized: Any) -> str:
    path = _path(serialized)
    return (text(path[-1]) if path else None) or "run"


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _aside(told: Fields) -> dict[str, Any]:
    """The conversation that the application names in a run's metadata or configuration."""
    metadata = fields(told.get("metadata"))
    session, user = text(metadata.get("session_id")), text(metadata.get("user_id"))
    thread = text(metadata.get("thread_id")) or text(metadata.get("conversation_id")) or session
    return _known({names.CONVERSATION_ID: thread, names.SESSION_ID: session or thread, names.USER_ID: user})


def _harmless(error: BaseException) -> bool:
    """How LangGraph steers; that nobody wants the rest; or that a loop, as it ends, cancels its own closing of a
    stream that was dropped, which alone is thrown right into the generator."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    thrown = error.__traceback__ is not None and error.__traceback__.tb_next is None
    return bool(kinds & _STEERING) or ("CancelledError" in kinds and thrown)


SDK = CallbackSdk(
    name="langchain",
    distribution="langchain-core",
    versions=">=0.3,<2",
    module="langchain_core.tracers.context",
    describe=Describe(_run, _aside, _harmless),
    bodies=(
        "langchain_core.runnables.config",
        *(f"langchain_core.{place}" for place in _BY_NAME),
        "langgraph._internal._runnable",
        "langgraph.utils.runnable",
    ),
)
