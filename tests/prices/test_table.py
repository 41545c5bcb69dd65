"""Prices of the user's own."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from otel_llm.config import Config
from otel_llm.prices.rates import Rates
from otel_llm.prices.table import PriceTable, read_table

ROWS: dict[str, Any] = {
    "gpt-*": {"input": 1},
    "openai/*": {"input": 2},
    "gpt-4o": {"input": 3},
    "OpenAI/gpt-4o": {"input": 4},
    "*/llama*": {"input": 5},
    "a.c": {"input": 6},
}


def table(rows: Any) -> PriceTable:
    found = read_table(json.dumps(rows))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("provider", "models", "price"),
    [
        ("openai", ["gpt-4o"], 4),
        ("openai", ["GPT-4o"], 4),
        ("azure.ai.openai", ["gpt-4o"], 3),
        ("azure.ai.openai", ["gpt-5"], 1),
        ("openai", ["gpt-5"], 1),
        ("openai", ["o3"], 2),
        ("openai", [None, "o3"], 2),
        ("openrouter", ["openai/gpt-4o"], 4),
        ("vllm", ["meta/Llama-3"], 5),
        ("vllm", ["llama-3"], 5),
        ("vllm", ["answered", "gpt-4o"], 3),
        ("vllm", ["gpt-5", "gpt-4o"], 3),
        ("vllm", ["a.c"], 6),
        ("vllm", ["abc"], None),
        ("vllm", ["my-gpt-4o"], None),
        ("vllm", [None, None], None),
    ],
)
def test_a_row_is_found_by_name(provider: str, models: list[str | None], price: float | None) -> None:
    """Exact names before patterns, with the provider before without, the model that answered before the one asked
    for, patterns in their order; in any case of letters."""
    found = table(ROWS).rates(provider, *models)
    assert (None if found is None else found.prices["input"]) == price


def test_every_price_there_can_be(tmp_path: Path) -> None:
    """Is read out of a file, as USD for a million tokens."""
    row = {
        "input": 1,
        "output": 2.5,
        "cache_read": 0.1,
        "cache_write": 1.25,
        "cache_write_1h": 2,
        "output_audio": 0,
    }
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"m": row}))
    found = read_table(str(file))
    assert found is not None
    assert found.rates("p", "m") == Rates({name: float(price) for name, price in row.items()})


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        None,
        7,
        {"input": "1"},
        {"input": None},
        {"input": True},
        {"input": -1},
        {"input": float("nan")},
        {"input": float("inf")},
        {"input": 10**400},
        {"input": 1, "outptu": 2},
        {"per_token": 1},
    ],
)
def test_a_wrong_row_is_left_out_and_named(row: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In one warning, however many there are; the others count."""
    found = table({"good": {"input": 1}, "bad": row, "bad too": row, "bad *": row})
    (record,) = caplog.records
    assert "'bad'" in record.getMessage()
    assert found.rates("p", "good") is not None
    assert found.rates("p", "bad") is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"7", b"[1]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, None]
)
def test_a_wrong_file_is_warned_about_once(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with it, nothing raises."""
    file = tmp_path / "prices.json"
    if content is not None:
        file.write_bytes(content)
    for _ in range(2):
        assert read_table(str(file)) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "OTEL_LLM_PRICES" in record.getMessage()


@pytest.mark.parametrize(
    "source", ["/", "no\0file", "~nobody-of-that-name/prices", "{not json", '{"a": {"input": 1}']
)
def test_what_is_no_file_is_warned_about(source: str, caplog: pytest.LogCaptureFixture) -> None:
    """Folders and odd names among it, and JSON that is none."""
    assert read_table(source) is None
    assert len(caplog.records) == 1


def test_no_table_is_nothing_to_warn_about(caplog: pytest.LogCaptureFixture) -> None:
    """Most people have none."""
    assert read_table("") is None
    assert not caplog.records


@pytest.mark.parametrize("given", [{"m": {"input": 1, "output": 2}}, {"m": {"input": 1.0, "output": 2.0}}])
def test_a_table_may_be_an_argument(given: Any, tmp_path: Path) -> None:
    """As a mapping, as a path of either kind, and as JSON in the variable; all are the same."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(given))
    expected = Rates({"input": 1.0, "output": 2.0})
    for config in (
        Config.build({"prices": given}, {}),
        Config.build({"prices": file}, {}),
        Config.build({"prices": str(file)}, {}),
        Config.build({}, {"OTEL_LLM_PRICES": f" {file} "}),
        Config.build({}, {"OTEL_LLM_PRICES": json.dumps(given)}),
        Config.build({"prices": given}, {"OTEL_LLM_PRICES": "/none"}),
    ):
        found = read_table(config.prices)
        assert found is not None
        assert found.rates("p", "m") == expected


def _itself() -> dict[str, Any]:
    round_and_round: dict[str, Any] = {"m": {}}
    round_and_round["m"]["m"] = round_and_round
    return round_and_round


@pytest.mark.parametrize(
    "given", [_itself(), {"m": {"input": object()}}, {(1, 2): {"input": 1}}, 7, object(), ["x"]]
)
def test_a_wrong_argument_is_warned_about(given: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Once, and does not raise."""
    assert read_table(Config.build({"prices": given}, {}).prices) is None
    assert len(caplog.records) == 1


def test_numbers_of_other_kinds_are_numbers() -> None:
    """Prices are often decimals."""
    from decimal import Decimal

    found = read_table(Config.build({"prices": {"m": {"input": Decimal("0.25")}}}, {}).prices)
    assert found is not None
    assert found.rates("p", "m") == Rates({"input": 0.25})
