"""What LangChain's chat models and LLMs say, for where no SDK below them is listened to."""

from __future__ import annotations

from typing import Any

from otel_llm.dialects.content import openai_chat
from otel_llm.dialects.content.langchain_messages import read_message, read_messages
from otel_llm.dialects.content.parts import Asked, Content, Message, Part, message, said
from otel_llm.dialects.content.pieces import Budget
from otel_llm.dialects.fields import Fields, fields, items


def _asked(body: Fields) -> Asked:
    """`given` are lists of messages, one of which is asked; tools are among the parameters."""
    found = [one for each in items(body.get("given")) for one in read_messages(each)]
    params = fields(body.get("params"))
    tools = [*items(params.get("tools")), *items(params.get("functions"))]
    return Asked(found, [], [_tool(one) for one in tools])


def _tool(definition: Any) -> Part:
    seen = fields(definition)
    if "input_schema" in seen:  # Anthropic's
        seen = {**seen, "parameters": seen["input_schema"], "type": "function"}
    return openai_chat.CHAT.asked({"tools": [seen]}).tools[0]


def _prompted(body: Fields) -> Asked:
    return openai_chat.COMPLETIONS.asked({"prompt": body.get("given")})


class _Reader:
    """The choices of a result."""

    __slots__ = ("_found",)

    def __init__(self, budget: Budget) -> None:
        del budget  # whoever copies a whole answer bounds it
        self._found: list[Message] = []

    def add(self, event: Any) -> None:
        prompts = items(fields(event).get("generations"))
        self._found = [_choice(fields(one)) for each in prompts for one in items(each) or (each,)]

    def messages(self) -> list[Message]:
        return self._found


def _choice(seen: Fields) -> Message:
    found = read_message(seen["message"]) if seen.get("message") is not None else None
    if found is not None:
        return {**found, "role": "assistant"}
    words = seen.get("text")
    return message("assistant", [said(words)] if isinstance(words, str) and words else [])


CHAT = Content(_asked, _Reader)
LLM = Content(_prompted, _Reader)
