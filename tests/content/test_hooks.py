"""What was said, written elsewhere or handed to a completion hook, whatever becomes of it there."""

from __future__ import annotations

import json
import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import otel_llm
from otel_llm.guard import dropped
from otel_llm.telemetry.storage import Storage
from otel_llm.testing import ReplayServer, Telemetry
from tests.content.parts import faults, taken_apart
from tests.content.test_capture import INPUT, OUTPUT, TOOL, ask, events, instrumented, told

pytestmark = pytest.mark.skipif(find_spec("fsspec") is None, reason="fsspec is not installed")

MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "w" * 50_000}]


def uploading(folder: Any, **settings: Any) -> Telemetry:
    return instrumented(completion_hook="upload", upload_base_path=str(folder), **settings)


def stored(reference: Any) -> str:
    """What is in the file that an attribute refers to."""
    assert otel_llm.flush()
    assert reference.startswith("file:///")
    return Path(reference.removeprefix("file://")).read_text()


def test_what_was_said_is_stored_whole(tmp_path: Path, replay: ReplayServer) -> None:
    """With content off on spans, with references there, and longer than any attribute."""
    telemetry = uploading(tmp_path / "new" / "folder")
    ask(replay, MESSAGES, tools=[TOOL])
    (span,) = telemetry.spans
    inputs = json.loads(stored(span.attributes[f"{INPUT}_ref"]))
    assert taken_apart(inputs) == [("text", "be brief"), ("text", "w" * 50_000)]
    assert json.loads(stored(span.attributes[f"{OUTPUT}_ref"]))[0]["finish_reason"] == "stop"
    assert json.loads(stored(span.attributes["gen_ai.tool.definitions_ref"]))[0]["name"] == "weather"
    assert not {INPUT, OUTPUT} & span.attributes.keys()
    trace_id = f"{span.context.trace_id:032x}"
    assert trace_id in span.attributes[f"{INPUT}_ref"]


def test_lines_are_told_apart_by_their_index(tmp_path: Path, replay: ReplayServer) -> None:
    """One message in each line, in the other format."""
    telemetry = uploading(tmp_path, upload_format="jsonl")
    ask(replay, MESSAGES)
    lines = stored(telemetry.spans[0].attributes[f"{INPUT}_ref"]).splitlines()
    assert [json.loads(line)["index"] for line in lines] == [0, 1]


def test_content_is_told_and_stored_at_the_same_time(tmp_path: Path, replay: ReplayServer) -> None:
    """Short on the span, whole in the file, and the event refers to it too."""
    telemetry = uploading(tmp_path, capture_content="SPAN_AND_EVENT", content_filter="emails")
    ask(replay, [{"role": "user", "content": "a@b.example " + "w" * 50_000}])
    reference = telemetry.spans[0].attributes[f"{INPUT}_ref"]
    assert stored(reference).count("w") == 50_000
    assert "a@b" not in stored(reference)
    assert len(telemetry.spans[0].attributes[INPUT]) <= 16384
    assert told(telemetry)[0]["parts"][0]["content"].startswith("[email] ")
    assert events(telemetry)[0][f"{INPUT}_ref"] == reference


def test_what_calls_have_in_common_is_stored_once(tmp_path: Path, replay: ReplayServer) -> None:
    """Definitions of tools, by their digest."""
    telemetry = uploading(tmp_path)
    for _ in range(3):
        ask(replay, tools=[TOOL])
        assert otel_llm.flush()
    assert len({str(span.attributes["gen_ai.tool.definitions_ref"]) for span in telemetry.spans}) == 1
    assert len(list(tmp_path.iterdir())) == 3 * 2 + 1


def test_what_is_in_common_is_known_after_any_number_of_calls(tmp_path: Path) -> None:
    """What each call writes for itself takes none of the places that are remembered."""
    storage = Storage(str(tmp_path), "json", 10_000)
    messages, tools = [{"role": "user", "parts": []}], [{"type": "function", "name": "f"}]
    for n in range(1500):
        storage.store({INPUT: messages}, 1, n)
    assert storage.force_flush(30)
    storage.store({"gen_ai.tool.definitions": tools}, 1, 1)
    assert storage.force_flush()
    (file,) = tmp_path.glob("*_tool.definitions.json")
    file.unlink()
    storage.store({"gen_ai.tool.definitions": tools}, 1, 2)
    assert storage.force_flush()
    assert not file.exists()


def test_any_place_of_fsspecs_will_do(replay: ReplayServer) -> None:
    """Such as memory."""
    import fsspec  # pyright: ignore[reportMissingTypeStubs]

    telemetry = uploading("memory://said")
    ask(replay)
    assert otel_llm.flush()
    reference = telemetry.spans[0].attributes[f"{INPUT}_ref"]
    with fsspec.open(reference) as file:
        assert json.loads(file.read())[0]["role"] == "user"


def test_a_full_disk_costs_the_content_alone(replay: ReplayServer, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written is dropped and counted, with one warning."""
    dropped.clear()
    telemetry = uploading("/dev/full/no/folder")
    for _ in range(3):
        ask(replay)
    otel_llm.flush()
    assert dropped["stored content"] == 3
    assert all(span.attributes["gen_ai.usage.input_tokens"] == 1000 for span in telemetry.spans)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "not stored" in record.getMessage()


def test_what_finds_the_queue_full_is_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A place that hangs is no reason to wait, or to keep things without end; and it has no references."""
    dropped.clear()
    storage = Storage(str(tmp_path), "json", 3)
    hold = threading.Event()
    storage._write = lambda file: hold.wait()  # type: ignore[method-assign,assignment,return-value]
    given = {INPUT: [{"role": "user", "parts": []}]}
    references = [storage.store(given, 1, n) for n in range(10)]
    assert [bool(each) for each in references] == [True] * 3 + [False] * 7
    assert dropped["stored content"] == 7
    assert not storage.force_flush(0.05)
    hold.set()
    assert storage.force_flush()
    assert len(caplog.records) == 1


def test_references_have_no_passwords(caplog: pytest.LogCaptureFixture) -> None:
    """Nor has the warning that nothing can be stored there."""
    storage = Storage("nowhere://user:hush-0042@host/folder?key=hush-0042", "json", 3)
    references = storage.store({INPUT: [{"role": "user", "parts": []}]}, 1, 2)
    assert storage.force_flush()
    assert references[f"{INPUT}_ref"].startswith("nowhere://host/folder/")
    assert "nowhere://host/folder" in caplog.text
    assert "hush-0042" not in caplog.text


def test_without_a_place_nothing_is_stored(replay: ReplayServer, caplog: pytest.LogCaptureFixture) -> None:
    """And a warning names the variable."""
    telemetry = instrumented(completion_hook="upload")
    ask(replay)
    assert "OTEL_INSTRUMENTATION_GENAI_UPLOAD_BASE_PATH" in caplog.text
    assert not any(name.endswith("_ref") for name in telemetry.spans[0].attributes)


def test_an_unknown_hook_is_named_in_a_warning(
    replay: ReplayServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The program goes on."""
    instrumented(completion_hook="nobody")
    ask(replay)
    assert "nobody" in caplog.text


class Hook:
    """A completion hook like one of somebody else's package."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []

    def on_completion(self, **given: Any) -> None:
        self.given.append(given)
        for message in given["outputs"]:
            if isinstance(message, dict):
                message["parts"] = [{"type": "text", "content": "changed"}]
            else:
                message.parts[0].content = "changed"


def test_a_hook_sees_everything_and_may_change_it(replay: ReplayServer) -> None:
    """What it leaves is what is told; it is called for spans that are not sampled, too."""
    hook = Hook()
    telemetry = instrumented(completion_hook=hook, capture_content="SPAN_ONLY", tool_definitions="full")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    ask(replay, [{"role": "user", "content": [{"type": "text", "text": "hi"}, picture]}], tools=[TOOL])
    assert hook.given[0].keys() >= {"inputs", "outputs", "system_instruction", "tool_definitions", "span"}
    assert taken_apart(told(telemetry, OUTPUT)) == [("text", "changed")]
    assert told(telemetry)[0]["parts"][1]["content"] == "QUJD"
    assert list(faults(telemetry.spans[0].attributes)) == []


def test_a_hook_is_called_whether_the_span_is_sampled_or_not(replay: ReplayServer) -> None:
    """Also where nobody takes spans or metrics of it."""
    hook = Hook()
    otel_llm.instrument(TracerProvider(sampler=ALWAYS_OFF), NoOpMeterProvider(), completion_hook=hook)
    ask(replay)
    list(ask(replay, stream=True))
    assert [len(given["outputs"]) for given in hook.given] == [1, 1]


class Failing:
    def on_completion(self, **given: Any) -> None:
        raise RuntimeError("secret")


def test_a_hook_that_fails_changes_nothing(replay: ReplayServer, caplog: pytest.LogCaptureFixture) -> None:
    """Content is told as if it were not there."""
    telemetry = instrumented(completion_hook=Failing(), capture_content="SPAN_ONLY")
    ask(replay)
    assert taken_apart(told(telemetry, OUTPUT)) == [("text", "Hello.")]
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
