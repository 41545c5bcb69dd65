"""What goes into tools, retrievers, agents and workflows, and what comes out of them."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from langchain_core.tools import StructuredTool, Tool, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_llm
from otel_llm.export.langsmith import LangSmithProcessor
from otel_llm.testing import ReplayServer, Telemetry
from tests.frameworks.test_programs import Provider, lookup
from tests.frameworks.words import INPUT, OUTPUT, named, told, words
from tests.lives.scenarios import settled

pytestmark = pytest.mark.settings(capture_content="SPAN_AND_EVENT")
ARGUMENTS, RESULT = "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"
DESCRIPTION = "gen_ai.tool.description"
QUERY, DOCUMENTS = "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents"
CONTENT = {ARGUMENTS, RESULT, DESCRIPTION, QUERY, DOCUMENTS, INPUT, OUTPUT}


def fake(*answers: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(answer) for answer in answers or ("hello",)]))


def run(kind: str, work: Any, given: Any, *config: Any) -> Any:
    return asyncio.run(work.ainvoke(given, *config)) if kind == "async" else work.invoke(given, *config)


kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@kinds
def test_an_agent_tells_what_it_was_asked_and_what_it_answered(
    telemetry: Telemetry, replay: ReplayServer, kind: str
) -> None:
    """And its tools what they were given and gave back; the steps between tell nothing of their own."""
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="m", api_key="k", base_url=Provider(replay).url, max_retries=0)
    agent = create_agent(model, [lookup], name="helper", system_prompt="be kind")
    run(kind, agent, {"messages": [("user", "hi")]})
    whole = named(telemetry, "invoke_agent helper")
    assert words(whole, INPUT) == [("text", "hi")]
    assert words(whole) == [("text", "hello")]
    (answer,) = told(whole, OUTPUT)
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    used = named(telemetry, "execute_tool lookup")
    assert told(used, ARGUMENTS) == {"q": "x"}
    assert told(used, RESULT) == {"output": "found x"}
    assert used.attributes[DESCRIPTION] == "Look something up."
    between = [span for span in settled(telemetry) if "gen_ai.operation.name" not in span.attributes]
    assert len(between) == 3
    assert not any(CONTENT & span.attributes.keys() for span in between)


GIVEN: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "a text": ("hi", [("user", "hi")]),
    "a message": (HumanMessage("hi"), [("user", "hi")]),
    "messages": ([SystemMessage("be"), HumanMessage("hi")], [("system", "be"), ("user", "hi")]),
    "pairs": (
        [("system", "be"), ("human", "hi"), ("ai", "ho")],
        [("system", "be"), ("user", "hi"), ("assistant", "ho")],
    ),
    "dicts": ([{"role": "user", "content": "hi"}], [("user", "hi")]),
    "a state": ({"messages": [HumanMessage("hi")], "more": 1}, [("user", "hi")]),
    "a state with a text": ({"messages": "hi"}, [("user", "hi")]),
    "an input": ({"input": "hi"}, [("user", "hi")]),
    "a prompt of messages": (
        ChatPromptTemplate([("system", "be"), ("user", "hi")]).invoke({}),
        [("system", "be"), ("user", "hi")],
    ),
    "a prompt": (PromptTemplate.from_template("hi").invoke({}), [("user", "hi")]),
    "no messages": ({"x": "hi"}, []),
    "nothing": (None, []),
    "a number": (7, []),
    "an empty text": ("", []),
}


@pytest.mark.parametrize("form", GIVEN)
def test_a_workflow_tells_messages_in_all_of_their_forms(telemetry: Telemetry, form: str) -> None:
    """What goes in as messages or as a text; nothing of what is neither."""
    given, expected = GIVEN[form]
    RunnableLambda(lambda given: None).with_config(run_name="work").invoke(given)
    messages = told(named(telemetry, "invoke_workflow work"), INPUT)
    assert [(message["role"], message["parts"][0]["content"]) for message in messages] == expected


RESULTS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "a text": ("hello", [("assistant", "hello")]),
    "a message": (AIMessage("hello"), [("assistant", "hello")]),
    "a state": ({"messages": [HumanMessage("hi"), AIMessage("hello")]}, [("assistant", "hello")]),
    "an output": ({"output": "hello", "input": "hi"}, [("assistant", "hello")]),
    "a pair": ([("ai", "hello")], [("assistant", "hello")]),
    "what went in": ({"messages": [HumanMessage("hi")]}, []),
    "no message": ({"x": 1}, []),
    "nothing": (None, []),
    "nothing in it": ({"messages": []}, []),
}


@pytest.mark.parametrize("form", RESULTS)
def test_a_workflow_tells_its_last_message(telemetry: Telemetry, form: str) -> None:
    """States have all that was said, what went in too."""
    result, expected = RESULTS[form]
    RunnableLambda(lambda _: result).with_config(run_name="work").invoke("hi")
    messages = told(named(telemetry, "invoke_workflow work"), OUTPUT)
    assert [(message["role"], message["parts"][0]["content"]) for message in messages] == expected


def test_a_stream_tells_what_went_in_at_its_end(telemetry: Telemetry) -> None:
    """LangChain does not know it before."""
    chain = fake("hello you") | StrOutputParser()
    assert "".join(chain.stream([HumanMessage("hi")])) == "hello you"
    span = named(telemetry, "invoke_workflow")
    assert (words(span, INPUT), words(span)) == ([("text", "hi")], [("text", "hello you")])


@kinds
def test_a_thread_of_a_graph_tells_what_is_new(telemetry: Telemetry, kind: str) -> None:
    """What was said in it before is in the state, but was neither given nor answered now."""
    graph = StateGraph(MessagesState)
    model = fake("one", "two")
    graph.add_node("ask", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    compiled = graph.compile(InMemorySaver(), name="thread")
    for given in ("first", "second"):
        run(kind, compiled, {"messages": [("user", given)]}, {"configurable": {"thread_id": "1"}})
    spans = [span for span in telemetry.spans if span.name == "invoke_workflow thread"]
    assert [words(span, INPUT) for span in spans] == [[("text", "first")], [("text", "second")]]
    assert [words(span) for span in spans] == [[("text", "one")], [("text", "two")]]


class Odd:
    """An object of the user's."""

    def __init__(self) -> None:
        self.inside = 1
        self._own = "hush"


TOOLS: dict[str, tuple[Any, Any]] = {
    "a text": ("found", {"output": "found"}),
    "JSON": ('{"a": 1}', {"a": 1}),
    "a dict": ({"a": [1, None]}, {"a": [1, None]}),
    "a list": ([1, 2], {"output": [1, 2]}),
    "a number": (7, {"output": 7}),
    "nothing": (None, {"output": None}),
    "bytes": (b"abc", {"output": "YWJj"}),
    "an object": (Odd(), {"inside": 1}),
}


@pytest.mark.parametrize("form", TOOLS)
def test_a_tools_result_is_told_as_an_object(telemetry: Telemetry, form: str) -> None:
    """As the conventions want it: under `output` if it is none; and the program gets what it got."""
    result, expected = TOOLS[form]

    @tool
    def work(q: str) -> Any:
        """Work."""
        return result

    assert work.invoke({"q": "x"}) is result
    span = named(telemetry, "execute_tool work")
    assert told(span, ARGUMENTS) == {"q": "x"}
    assert json.loads(span.attributes[RESULT]) == expected


@pytest.mark.parametrize("form", ["a text", "JSON", "a dict", "a number"])
def test_a_result_for_a_model_is_told_as_it_gets_it(telemetry: Telemetry, form: str) -> None:
    """LangChain makes a message of it, in which it is a text."""
    result, expected = TOOLS[form]
    answering = Tool("work", lambda words: result, "Work.")
    answering.invoke({"name": "work", "args": {"words": "x"}, "id": "1", "type": "tool_call"})
    span = named(telemetry, "execute_tool work")
    assert told(span, RESULT) == (expected if form != "a number" else {"output": "7"})
    assert span.attributes["gen_ai.tool.call.id"] == "1"


def test_a_tool_with_one_text_has_an_object_too(telemetry: Telemetry) -> None:
    """Whose name LangChain does not tell."""
    Tool("old", lambda words: words * 2, "Double it.").invoke("ab")
    span = named(telemetry, "execute_tool old")
    assert (told(span, ARGUMENTS), told(span, RESULT)) == ({"input": "ab"}, {"output": "abab"})


def events(telemetry: Telemetry) -> list[Any]:
    return [
        log.log_record.attributes
        for log in telemetry.logs
        if log.log_record.event_name == "gen_ai.client.operation.exception"
    ]


@kinds
def test_a_tool_that_raises_tells_its_exception(telemetry: Telemetry, kind: str) -> None:
    """On its span and as an event, once, although it passes through what is around; there is no result."""

    def fail(q: str) -> str:
        """Fail."""
        raise ToolException("no " + q)

    async def afail(q: str) -> str:
        return fail(q)

    broken = StructuredTool.from_function(fail, afail, name="broken")
    with pytest.raises(ToolException):
        run(kind, RunnableLambda(lambda q: {"q": q}) | broken, "x")
    span = named(telemetry, "execute_tool broken")
    assert told(span, ARGUMENTS) == {"q": "x"}
    assert RESULT not in span.attributes
    assert span.status.description == "no x"
    (event,) = events(telemetry)
    assert event["exception.type"] == "langchain_core.tools.base.ToolException"
    assert event["exception.message"] == "no x"
    assert "in fail" in event["exception.stacktrace"]


@pytest.mark.settings
def test_with_content_off_it_tells_the_class_alone(telemetry: Telemetry) -> None:
    """Of a tool's exception; and of everything else nothing."""

    @tool
    def broken(q: str) -> str:
        """The hush of it."""
        raise ToolException("hush " + q)

    with pytest.raises(ToolException):
        broken.invoke({"q": "hush"})
    Found(found=[Document("hush")]).invoke("hush")
    RunnableLambda(lambda words: words).invoke("hush")
    (event,) = events(telemetry)
    assert dict(event) == {"exception.type": "langchain_core.tools.base.ToolException"}
    assert b"hush" not in telemetry.export_bytes()
    assert not any(CONTENT & span.attributes.keys() for span in telemetry.spans)


class Found(BaseRetriever):
    """A retriever that has found it."""

    found: list[Document]

    def _get_relevant_documents(self, query: str, **more: Any) -> list[Document]:
        return self.found


@kinds
def test_a_retrieval_tells_its_query_and_what_was_found(telemetry: Telemetry, kind: str) -> None:
    """Each document with its text and, where there are any, its id, how well it fits, and what else is known of it."""
    one = Document("one", id="1", metadata={"source": "a.txt", "relevance_score": 0.5})
    run(kind, Found(found=[one, Document("two")]), "which?")
    span = named(telemetry, "retrieval")
    assert span.attributes[QUERY] == "which?"
    assert told(span, DOCUMENTS) == [
        {"content": "one", "id": "1", "score": 0.5, "metadata": {"source": "a.txt", "relevance_score": 0.5}},
        {"content": "two"},
    ]


@kinds
def test_a_retrieval_that_raises_tells_its_exception(telemetry: Telemetry, kind: str) -> None:
    """As an event too; what was asked is told all the same."""

    class Lost(BaseRetriever):
        def _get_relevant_documents(self, query: str, **more: Any) -> list[Document]:
            raise LookupError(query)

    with pytest.raises(LookupError):
        run(kind, Lost(), "which?")
    span = named(telemetry, "retrieval")
    assert span.attributes[QUERY] == "which?"
    assert DOCUMENTS not in span.attributes
    assert [event["exception.message"] for event in events(telemetry)] == ["which?"]


def test_large_documents_have_the_same_room_each(telemetry: Telemetry) -> None:
    """None is left out, and it stays JSON within the limit."""
    Found(found=[Document(f"{number} " + "ä" * 20_000) for number in range(20)]).invoke("q" * 100_000)
    span = named(telemetry, "retrieval")
    found = told(span, DOCUMENTS)
    assert [each["content"].split()[0] for each in found] == [str(number) for number in range(20)]
    assert all("[cut: " in each["content"] for each in found)
    assert 8000 < len(span.attributes[DOCUMENTS].encode()) <= 16384
    assert 8000 < len(span.attributes[QUERY].encode()) <= 16384


@pytest.mark.settings(capture_content="SPAN_ONLY", content_max_bytes=600)
def test_large_arguments_and_results_stay_objects(telemetry: Telemetry) -> None:
    """Long texts are cut; of what is too much altogether it is said how much there was."""

    @tool
    def work(q: str, ns: list[int]) -> Any:
        """Work."""
        return "x" * 10_000

    work.invoke({"q": "y" * 10_000, "ns": [1, 2]})
    span = named(telemetry, "execute_tool work")
    assert told(span, ARGUMENTS)["ns"] == [1, 2]
    assert told(span, RESULT)["output"].startswith("xxx")
    telemetry.clear()
    work.invoke({"q": "y", "ns": [*range(10_000)]})
    assert "cut" in told(named(telemetry, "execute_tool work"), ARGUMENTS)["input"]
    for name in (ARGUMENTS, RESULT):
        assert len(span.attributes[name].encode()) <= 600


# What the settings say.


@pytest.mark.settings(capture_content="EVENT_ONLY")
def test_steps_have_spans_alone(telemetry: Telemetry) -> None:
    """The conventions have no event for them."""
    lookup.invoke({"q": "x"})
    assert not CONTENT & named(telemetry, "execute_tool lookup").attributes.keys()


def _drop(part: Any) -> Any:
    if part["type"] == "tool_call_response":
        return None
    if part["type"] == "tool_call":
        return {**part, "arguments": {name: value.upper() for name, value in part["arguments"].items()}}
    return {**part, "content": part["content"].replace("hush", "***")}


@pytest.mark.settings(capture_content="SPAN_ONLY", content_filter=_drop)
def test_filters_see_steps_as_parts(telemetry: Telemetry) -> None:
    """Calls, results, texts and documents: what they leave is told."""
    lookup.invoke({"q": "x"})
    span = named(telemetry, "execute_tool lookup")
    assert told(span, ARGUMENTS) == {"q": "X"}
    assert RESULT not in span.attributes
    Found(found=[Document("hush one")]).invoke("the hush")
    span = named(telemetry, "retrieval")
    assert span.attributes[QUERY] == "the ***"
    assert told(span, DOCUMENTS) == [{"content": "*** one"}]
    RunnableLambda(lambda words: words).with_config(run_name="work").invoke("hush")
    span = named(telemetry, "invoke_workflow work")
    assert words(span, INPUT) == words(span) == [("text", "***")]


def _raise(part: Any) -> Any:
    raise ValueError(part)


@pytest.mark.settings(capture_content="SPAN_ONLY", content_filter=_raise)
def test_a_filter_that_raises_lets_nothing_through(telemetry: Telemetry) -> None:
    """Of steps as of calls."""
    lookup.invoke({"q": "x"})
    assert not CONTENT & named(telemetry, "execute_tool lookup").attributes.keys()


# What it leaves as it is.


def test_generators_reach_their_consumer_untouched(telemetry: Telemetry) -> None:
    """As what goes in, as what comes out of a tool, and through a chain."""

    @tool
    def numbers() -> Any:
        """Count."""
        return (number for number in range(3))

    assert list(numbers.invoke({})) == [0, 1, 2]
    assert list(RunnableLambda(lambda given: given).invoke(number for number in range(3))) == [0, 1, 2]

    def passed(pieces: Iterator[str]) -> Iterator[str]:
        yield from pieces

    assert list(RunnableGenerator(passed).transform(iter(["a", "b"]))) == ["a", "b"]


def test_what_users_hold_is_neither_changed_nor_kept(telemetry: Telemetry) -> None:
    """Also while the run is open; what they do with it then changes nothing."""
    state = {"messages": [HumanMessage("hi")]}
    before = copy.deepcopy(state)
    kept = weakref.ref(state["messages"][0])

    def work(given: Any) -> Any:
        assert given == before
        given["messages"].clear()
        gc.collect()
        return kept()

    assert RunnableLambda(work).with_config(run_name="work").invoke(state) is None
    assert words(named(telemetry, "invoke_workflow work"), INPUT) == [("text", "hi")]


def test_langsmith_gets_it_all() -> None:
    """Its processor passes content on as it is."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(LangSmithProcessor(SimpleSpanProcessor(exporter)))
    otel_llm.instrument(tracer_provider=provider, capture_content="SPAN_ONLY")
    lookup.invoke({"q": "x"})
    fake("hello").invoke("hi")
    found: Any = exporter.get_finished_spans()
    used, asked = (span for span in found if span.name != "database")
    assert told(used, ARGUMENTS) == {"q": "x"}
    assert told(used, RESULT) == {"output": "found x"}
    assert (words(asked, INPUT), words(asked)) == ([("text", "hi")], [("text", "hello")])
    assert (used.attributes["langsmith.span.kind"], asked.attributes["langsmith.span.kind"]) == (
        "tool",
        "llm",
    )
