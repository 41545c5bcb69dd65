"""The replay server is a provider as far as the real SDK can tell."""

from __future__ import annotations

import asyncio
import http.client
import importlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import openai
import pytest

from otel_llm.testing import Exchange, Gate, ReplayServer, Request
from tests.testing.answers import chat, stream

MAJOR = int(openai.__version__.partition(".")[0])
# Up to early 3.x a stream that breaks off shows the transport's own error.
CUT: tuple[type[Exception], ...] = (
    openai.APIConnectionError,
    importlib.import_module("httpx2" if MAJOR >= 3 else "httpx").RemoteProtocolError,
)


@pytest.fixture
def replay() -> Iterator[ReplayServer]:
    with ReplayServer(Exchange.json(chat())) as server:
        yield server


@pytest.fixture
def client(replay: ReplayServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{replay.url}/v1", api_key="key", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, text: str = "Hi") -> str | None:
    answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content


def ask_streaming(client: openai.OpenAI) -> Iterator[str | None]:
    chunks = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    for chunk in chunks:
        yield chunk.choices[0].delta.content


def test_plain_call(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A plain call gets the prepared answer, and the server keeps what was asked."""
    assert ask(client) == "Hello."
    [request] = replay.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer key"
    assert request.json["model"] == "gpt-4o"


def test_stream(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A streamed call gets every event in order."""
    replay.answer(stream("a", "b", "c"))
    assert list(ask_streaming(client)) == ["a", "b", "c"]


def test_async_stream(replay: ReplayServer) -> None:
    """The asynchronous client gets the same events."""
    replay.answer(stream("a", "b", "c", pauses=(0.0, 0.001)))

    async def run() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{replay.url}/v1", api_key="key", max_retries=0) as client:
            chunks = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            return [chunk.choices[0].delta.content async for chunk in chunks]

    assert asyncio.run(run()) == ["a", "b", "c"]


def test_cut_stream(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A cut stream delivers its chunks and then fails as a broken connection."""
    replay.answer(stream("a", "b", cut=True))
    seen: list[str | None] = []
    with pytest.raises(CUT):
        seen.extend(ask_streaming(client))
    chunks = ask_streaming(client)
    assert [next(chunks), next(chunks)] == ["a", "b"]
    with pytest.raises(CUT):
        next(chunks)


def test_cut_plain_answer(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A plain answer may break off in its body, too."""
    replay.answer(replace(Exchange.json(chat()), cut=True))
    with pytest.raises(openai.APIConnectionError):
        ask(client)


def test_gate_holds_chunks(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A chunk that was not released never reaches the client, so whoever wants it waits in vain."""
    gate = Gate()
    gate.release()
    replay.answer(stream("a", "b", gates=gate))
    chunks = ask_streaming(client.with_options(timeout=1.0))
    assert next(chunks) == "a"
    with pytest.raises(Exception, match="time"):
        next(chunks)


def test_gates_release_in_order(client: openai.OpenAI, replay: ReplayServer) -> None:
    """Each chunk arrives once its own gate opens, though the later ones are still shut."""
    gates = [threading.Event() for _ in range(4)]
    replay.answer(stream("a", "b", "c", done=False, gates=gates))
    seen: list[str | None] = []
    gates[0].set()
    for content, gate in zip(ask_streaming(client), gates[1:], strict=True):
        seen.append(content)
        gate.set()
    assert seen == ["a", "b", "c"]


def test_hang(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A server that says nothing lets the client time out; when it is stopped, the client is let go."""
    replay.answer(Exchange.hang(3600))
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.2))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, client)
        replay.wait_for(requests=2)
        replay.stop()
        assert type(waiting.exception()) is openai.APIConnectionError


def test_hang_ends(client: openai.OpenAI, replay: ReplayServer) -> None:
    """After its time a hanging answer is a closed connection without any answer."""
    replay.answer(Exchange.hang(0.0))
    with pytest.raises(openai.APIConnectionError):
        ask(client)


def test_many_clients(client: openai.OpenAI, replay: ReplayServer) -> None:
    """Fifty threads at once each get the answer to their own question."""
    replay.answer(lambda request: Exchange.json(chat(request.json["messages"][0]["content"])))
    ready = threading.Barrier(50)

    def run(number: int) -> str | None:
        ready.wait()
        return ask(client, f"question {number}")

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(run, range(50))) == [f"question {number}" for number in range(50)]
    assert len(replay.requests) == 50


def test_list_of_answers(client: openai.OpenAI, replay: ReplayServer) -> None:
    """A list is served one a request, and its last answer stays."""
    replay.answer([Exchange.json(chat("one")), Exchange.json(chat("two"))])
    assert [ask(client) for _ in range(3)] == ["one", "two", "two"]
    with pytest.raises(ValueError, match="empty"):
        replay.answer([])


def test_wait_for(replay: ReplayServer) -> None:
    """Waiting for a request that does not come says how many came."""
    with pytest.raises(TimeoutError, match="for 1 requests, got 0"):
        replay.wait_for(requests=1, timeout=0.01)


def test_retry(client: openai.OpenAI, replay: ReplayServer) -> None:
    """The SDK's own retries see the answers one by one."""
    replay.answer([Exchange.json({"error": {}}, 500), Exchange.json(chat("after all"))])
    assert ask(client.with_options(max_retries=1)) == "after all"
    assert len(replay.requests) == 2


def test_answers_by_path(client: openai.OpenAI, replay: ReplayServer) -> None:
    """The longest matching path wins over shorter ones, and a method over none."""
    replay.answer(Exchange.json(chat("completions")), path="/completions")
    assert ask(client) == "completions"
    replay.answer(Exchange.json(chat("chat")), path="/chat/completions")
    assert ask(client) == "chat"
    replay.answer(Exchange.json(chat("get")), path="/chat/completions", method="get")
    assert ask(client) == "chat"
    replay.answer(Exchange.json(chat("post")), path="/chat/completions", method="post")
    assert ask(client) == "post"


def test_no_answer(client: openai.OpenAI, replay: ReplayServer) -> None:
    """After a reset nothing is answered, and the error says what was missing."""
    ask(client)
    replay.reset()
    assert replay.requests == []
    with pytest.raises(openai.NotFoundError, match="no answer was set for POST /v1/chat/completions"):
        ask(client)


def test_answer_raises(client: openai.OpenAI, replay: ReplayServer) -> None:
    """An error in the test's own function shows in the answer, and the client does not retry it."""

    def answer(request: Request) -> Exchange:
        raise KeyError(request.json["missing"])

    replay.answer(answer)
    with pytest.raises(openai.InternalServerError, match="KeyError\\('missing'\\)"):
        ask(client.with_options(max_retries=5))
    assert len(replay.requests) == 1


def test_client_hangs_up(
    client: openai.OpenAI, replay: ReplayServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that leaves in the middle of a stream disturbs neither the server nor the console."""
    gate = Gate()
    gate.release()
    replay.answer(stream("a", *"b" * 1000, gates=gate))
    chunks = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    assert next(chunks).choices[0].delta.content == "a"
    chunks.close()
    gate.open()
    replay.answer(Exchange.json(chat()))
    assert ask(client) == "Hello."
    replay.stop()
    for thread in threading.enumerate():
        if thread.name == "otel-llm-testing-client":
            thread.join()
    assert capfd.readouterr() == ("", "")


def test_stop_with_shut_gate(replay: ReplayServer, client: openai.OpenAI) -> None:
    """Stopping the server ends streams whose next chunk nobody will release."""
    gate = Gate()
    gate.release()
    replay.answer(stream("a", "b", gates=gate))
    chunks = ask_streaming(client)
    assert next(chunks) == "a"
    replay.stop()
    with pytest.raises(CUT):
        next(chunks)


def test_restart(replay: ReplayServer) -> None:
    """A stopped server has no address, and can be started again with the same answers."""
    replay.stop()
    replay.stop()
    with pytest.raises(RuntimeError, match="not started"):
        _ = replay.url
    replay.start()
    with openai.OpenAI(base_url=replay.url, api_key="key", max_retries=0) as client:
        assert ask(client) == "Hello."


def test_record_nothing(client: openai.OpenAI) -> None:
    """A server for long runs keeps no requests."""
    with ReplayServer(Exchange.json(chat()), record=False) as server:
        assert ask(client.with_options(base_url=server.url)) == "Hello."
        assert server.requests == []


def test_framing(replay: ReplayServer) -> None:
    """One connection carries many answers: plain ones with a length, streams in chunks."""
    connection = http.client.HTTPConnection(replay.url.removeprefix("http://"))
    connection.request("POST", "/plain", body="{}")
    plain = connection.getresponse()
    assert plain.getheader("content-length") == str(len(plain.read()))
    socket: Any = connection.sock
    replay.answer(stream("a"))
    connection.request("POST", "/stream", body=iter([b'{"in":', b'"chunks"}']), encode_chunked=True)
    streamed = connection.getresponse()
    assert streamed.getheader("transfer-encoding") == "chunked"
    assert streamed.read().endswith(b"data: [DONE]\n\n")
    assert connection.sock is socket
    assert replay.requests[1].json == {"in": "chunks"}
    connection.request("HEAD", "/stream", headers={"connection": "close"})
    assert connection.getresponse().read() == b""
    assert socket.recv(1) == b""
    connection.close()


def test_odd_requests(replay: ReplayServer) -> None:
    """Statuses without a body have none, an announced body is asked for, and what is not HTTP gets a 400."""
    replay.answer(Exchange(204))
    connection = http.client.HTTPConnection(replay.url.removeprefix("http://"))
    connection.request("DELETE", "/thing")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-length"), answer.read()) == (204, None, b"")
    replay.answer(lambda request: Exchange.json(request.json))
    connection.request("POST", "/echo", body='{"big": 1}', headers={"Expect": "100-continue"})
    assert json.loads(connection.getresponse().read()) == {"big": 1}
    connection.close()
    connection.connect()
    sock: Any = connection.sock
    sock.sendall(b"nonsense\r\n\r\n")
    assert sock.recv(100).startswith(b"HTTP/1.1 400 ")
    connection.close()
    assert Request("GET", "/").json is None
