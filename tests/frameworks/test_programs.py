"""Programs as people write them with LangChain and LangGraph: the tree of spans, and the tokens to the last one."""

from __future__ import annotations

import asyncio
import operator
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import count
from typing import Annotated, Any, TypedDict

import openai
import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langgraph.graph import END, START, StateGraph
from opentelemetry import trace

import otel_llm
from otel_llm.testing import Exchange, ReplayServer, Request, Telemetry
from tests.frameworks.tree import drawn, leaves

_places = count()


class Provider:
    """Answers chat completions and embeddings with figures that differ from call to call, and adds them up."""

    def __init__(self, replay: ReplayServer) -> None:
        self.url = f"{replay.url}/at{next(_places)}/v1"
        self.sent = {"input": 0, "output": 0}
        self._lock = threading.Lock()
        self._numbers = count(1)
        self.failing = False
        replay.answer(self._answer)

    def _usage(self) -> dict[str, Any]:
        with self._lock:
            number = next(self._numbers)
            asked, answered = 10 + number, 100 + number
            self.sent["input"] += asked
            self.sent["output"] += answered
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
            "prompt_tokens_details": {"cached_tokens": number},
        }

    def _answer(self, request: Request) -> Exchange:
        body: Any = request.json
        if request.path.endswith("/embeddings"):
            with self._lock:
                self.sent["input"] += 5
            vectors = [
                {"object": "embedding", "index": at, "embedding": "AACAPwAAAEA="}
                for at in range(len(body["input"]))
            ]
            usage = {"prompt_tokens": 5, "total_tokens": 5}
            return Exchange.json({"object": "list", "model": "e", "data": vectors, "usage": usage})
        if body["model"] == "broken":
            return Exchange.json({"error": {"message": "no", "code": "overloaded"}}, status=500)
        message, reason = _message(body)
        base = {"id": "c", "created": 1, "model": f"{body['model']}-2"}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            return Exchange.json(
                {**base, "object": "chat.completion", "choices": [choice], "usage": self._usage()}
            )
        for call in message.get("tool_calls", ()):
            call["index"] = 0
        base["object"] = "chat.completion.chunk"
        choices = (
            [{"index": 0, "delta": message, "finish_reason": None}],
            [{"index": 0, "delta": {}, "finish_reason": reason}],
        )
        return Exchange.sse(
            [
                *({**base, "choices": choice} for choice in choices),
                {**base, "choices": [], "usage": self._usage()},
            ]
        )


def _message(body: Any) -> tuple[dict[str, Any], str]:
    if body.get("tools") and not any(said["role"] == "tool" for said in body["messages"]):
        function = {"name": "lookup", "arguments": '{"q": "x"}'}
        call = {"id": "call_1", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    return {"role": "assistant", "content": "hello"}, "stop"


Program = Callable[[Any], Any]


@tool
def lookup(q: str) -> str:
    """Look something up."""
    with trace.get_tracer("app").start_as_current_span("database"):
        return f"found {q}"


@tool
async def alookup(q: str) -> str:
    """Look something up."""
    with trace.get_tracer("app").start_as_current_span("database"):
        return f"found {q}"


class State(TypedDict):
    said: Annotated[list[str], operator.add]


PROMPT = ChatPromptTemplate.from_messages([("user", "{x}")])


def chain(model: ChatOpenAI) -> Any:
    return PROMPT | model | StrOutputParser()


def _chain(model: Any) -> None:
    assert chain(model).invoke({"x": "hi"}) == "hello"


def _chain_streamed(model: Any) -> None:
    assert "".join(chain(model).stream({"x": "hi"})) == "hello"


async def _chain_events(model: Any) -> None:
    assert [event async for event in chain(model).astream_events({"x": "hi"}, version="v2")]


def _agent(model: Any) -> None:
    answer = create_agent(model, [lookup], name="helper").invoke({"messages": [("user", "hi")]})
    assert answer["messages"][-1].content == "hello"


async def _agent_async(model: Any) -> None:
    answer = await create_agent(model, [alookup.copy(update={"name": "lookup"})], name="helper").ainvoke(
        {"messages": [("user", "hi")]}
    )
    assert answer["messages"][-1].content == "hello"


def _agent_streamed(model: Any) -> None:
    assert list(
        create_agent(model, [lookup], name="helper").stream(
            {"messages": [("user", "hi")]}, stream_mode="messages"
        )
    )


def _graph(model: Any) -> Any:
    def ask(state: State) -> Any:
        return {"said": [model.invoke("hi").content]}

    async def aask(state: State) -> Any:
        return {"said": [(await model.ainvoke("hi")).content]}

    graph = StateGraph(State)
    for name in ("left", "right"):
        graph.add_node(name, RunnableLambda(ask, afunc=aask))
        graph.add_edge(START, name)
    graph.add_node("join", RunnableLambda(ask, afunc=aask))
    graph.add_edge(["left", "right"], "join")
    graph.add_edge("join", END)
    return graph.compile(name="parallel")


def _graph_sync(model: Any) -> None:
    _graph(model).invoke({"said": []}, {"configurable": {"thread_id": "t-1"}})


async def _graph_async(model: Any) -> None:
    await _graph(model).ainvoke({"said": []}, {"configurable": {"thread_id": "t-1"}})


def _retriever(model: Any) -> None:
    embeddings = OpenAIEmbeddings(
        api_key="k", base_url=model.openai_api_base, check_embedding_ctx_length=False, max_retries=0
    )
    store = InMemoryVectorStore(embeddings)
    store.add_texts(["one", "two"])

    def question(found: list[Document]) -> str:
        return "\n".join(document.page_content for document in found)

    assert (store.as_retriever() | RunnableLambda(question) | model).invoke("which?")


def _fallback(model: Any) -> None:
    broken = model.model_copy(update={"model_name": "broken"})
    assert broken.with_fallbacks([model]).invoke("hi").content == "hello"


def _batch(model: Any) -> None:
    assert len(model.batch(["a", "b", "c"])) == 3


async def _abatch(model: Any) -> None:
    assert len(await chain(model).abatch([{"x": "a"}, {"x": "b"}])) == 2


def _parallel(model: Any) -> None:
    both = RunnableParallel(a=model, b=model | StrOutputParser())
    assert both.invoke(PROMPT.invoke({"x": "hi"}))["b"] == "hello"


def _threads(model: Any) -> None:
    """A span of the program's own, threads that are given its context, and calls in each."""
    with trace.get_tracer("app").start_as_current_span("request"), ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(copy_context().run, model.invoke, "hi") for _ in range(3)]:
            done.result()


def _mixed(model: Any) -> None:
    """The SDK beside the framework, inside of one of its links and between two chunks of its stream."""
    raw = openai.OpenAI(api_key="k", base_url=model.openai_api_base, max_retries=0)

    def ask(_: Any) -> str:
        return str(raw.chat.completions.create(model="raw", messages=[{"role": "user", "content": "x"}]).id)

    RunnableLambda(ask).invoke("x")
    for number, _ in enumerate(model.stream("hi")):
        if number == 1:
            ask(None)


CALL = "chat m"
TOOLED = """
invoke_agent helper
  model
    chat m
  model
    chat m
  tools
    execute_tool lookup
      database
"""
PARALLEL = """
invoke_workflow parallel
  join
    ask
      chat m
  left
    ask
      chat m
  right
    ask
      chat m
"""
PROGRAMS: dict[str, tuple[Program, str]] = {
    "chain": (_chain, "invoke_workflow\n  chat m"),
    "chain, streamed": (_chain_streamed, "invoke_workflow\n  chat m"),
    "chain, events": (_chain_events, "invoke_workflow\n  chat m"),
    "agent": (_agent, TOOLED),
    "agent, async": (_agent_async, TOOLED),
    "agent, streamed": (_agent_streamed, TOOLED),
    "graph": (_graph_sync, PARALLEL),
    "graph, async": (_graph_async, PARALLEL),
    "retriever": (
        _retriever,
        """
embeddings text-embedding-ada-002
invoke_workflow
  chat m
  question
  retrieval
    embeddings text-embedding-ada-002
""",
    ),
    "fallback": (_fallback, "invoke_workflow\n  chat broken\n  chat m"),
    "batch": (_batch, "chat m\nchat m\nchat m"),
    "abatch": (_abatch, "invoke_workflow\n  chat m\ninvoke_workflow\n  chat m"),
    "parallel": (_parallel, "invoke_workflow\n  RunnableSequence\n    chat m\n  chat m"),
    "threads": (_threads, "request\n  chat m\n  chat m\n  chat m"),
    "mixed": (_mixed, "chat m\nchat raw\ninvoke_workflow ask\n  chat raw"),
}


SCATTERED = ("agent, async",)
"""Before Python 3.11, LangChain loses in tasks which run it is in, and says so: its runs are roots then."""


@pytest.fixture
def app(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """Telemetry that the program's own spans go to as well."""
    monkeypatch.setattr(trace, "get_tracer", telemetry.tracer_provider.get_tracer)
    return telemetry


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_spans_are_the_tree_and_the_sum(app: Telemetry, replay: ReplayServer, name: str) -> None:
    """The tree is that of the runs; what leaves and metrics add up to is what the provider really sent."""
    if name == "retriever":
        pytest.importorskip("numpy")
    program, tree = PROGRAMS[name]
    provider = Provider(replay)
    model = ChatOpenAI(model="m", api_key="k", base_url=provider.url, max_retries=0, stream_usage=True)
    if asyncio.iscoroutinefunction(program):
        asyncio.run(program(model))
    else:
        program(model)
    if sys.version_info >= (3, 11) or name not in SCATTERED:
        assert drawn(app.spans) == tree.strip()
    assert leaves(app.spans) == provider.sent
    told = {"input": 0, "output": 0}
    for attributes, point in app.metrics()["gen_ai.client.token.usage"]:
        told[attributes["gen_ai.token.type"]] += point.sum
    assert told == provider.sent
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_graphs_thread_is_its_conversation(telemetry: Telemetry, replay: ReplayServer) -> None:
    """On every span of it, without a word from the program."""
    provider = Provider(replay)
    _graph_sync(ChatOpenAI(model="m", api_key="k", base_url=provider.url, max_retries=0))
    assert {(span.attributes or {}).get("gen_ai.conversation.id") for span in telemetry.spans} == {"t-1"}


def test_a_conversation_is_told_on_everything_inside(app: Telemetry, replay: ReplayServer) -> None:
    """Over threads and tasks, with the program's own attributes; not outside, and not on metrics."""
    provider = Provider(replay)
    model = ChatOpenAI(model="m", api_key="k", base_url=provider.url, max_retries=0)
    with otel_llm.conversation("c-1", user="u-1", tenant="acme"):
        _threads(model)
        asyncio.run(_agent_async(model))
    ours = [span for span in app.spans if span.instrumentation_scope.name == "otel_llm"]
    said = {"gen_ai.conversation.id": "c-1", "session.id": "c-1", "user.id": "u-1", "tenant": "acme"}
    assert all(said.items() <= span.attributes.items() for span in ours)
    app.clear()
    model.invoke("hi")
    assert not said.keys() & app.spans[0].attributes.keys()
    assert b"acme" not in app.export_bytes().partition(b"metrics")[2]


class Slow(BaseRetriever):
    """A retriever that embeds by the SDK."""

    url: str

    def _get_relevant_documents(self, query: str, **more: Any) -> list[Document]:
        sdk = openai.OpenAI(api_key="k", base_url=self.url, max_retries=0)
        sdk.embeddings.create(model="e", input=[query])
        with trace.get_tracer("app").start_as_current_span("search"):
            sdk.embeddings.create(model="e", input=[query])
        return []


def test_what_a_retriever_does_is_inside_it(app: Telemetry, replay: ReplayServer) -> None:
    """A span of the program's own is what is inside that; it is itself where LangChain left the context."""
    provider = Provider(replay)
    Slow(url=provider.url).invoke("x")
    openai.OpenAI(api_key="k", base_url=provider.url).embeddings.create(model="e", input=["x"])
    assert drawn(app.spans) == "embeddings e\nretrieval\n  embeddings e\nsearch\n  embeddings e"
