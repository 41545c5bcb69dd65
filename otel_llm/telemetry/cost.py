"""What a call cost: as its provider reports it, else by the user's prices, else by the list's. Never a guess."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from opentelemetry.trace import Span

from otel_llm.guard import internal_error, warn_once
from otel_llm.prices import listed
from otel_llm.prices.listed import Served
from otel_llm.prices.rates import Cost, NoPriceError, Rates
from otel_llm.prices.table import read_table
from otel_llm.record import ModelRequest, ModelResponse
from otel_llm.telemetry import names

if TYPE_CHECKING:
    from otel_llm.telemetry.attributes import Attributes
    from otel_llm.telemetry.inner import InnerCall
    from otel_llm.telemetry.metrics import Instruments

_MINUTE = 60 * 10**9  # ns; no price begins or ends within one
_MOST_KNOWN = 1_000  # models, each with all that its prices depend on
_MOST_NAMED = 100  # models without a price


class Costs:
    """The prices of one engine, as far as they have been needed."""

    def __init__(self, prices: str, instruments: Callable[[], Instruments]) -> None:
        self._table = read_table(prices)
        self._instruments = instruments
        self._known: dict[Served, tuple[int, Rates | str]] = {}
        self._named: set[object] = set()

    def tell(
        self,
        span: Span,
        base: Attributes,
        request: ModelRequest,
        response: ModelResponse,
        started: int,
        parts: Sequence[InnerCall] | None,
    ) -> None:
        """Tell what a call cost, on its span and in the metric, if that is known. `started` in ns since the epoch."""
        recording, instruments = span.is_recording(), self._instruments()
        if not (recording or instruments.live):
            return
        cost = self._cost(base, request, response, started, parts)
        if cost is None:
            return
        if recording:
            told = {names.USAGE_COST: cost.total}
            if cost.input is not None:
                told[names.COST_INPUT] = cost.input
            if cost.output is not None:
                told[names.COST_OUTPUT] = cost.output
            span.set_attributes(told)
        instruments.record_cost(cost.total, base)

    def add(
        self,
        base: Attributes,
        request: ModelRequest,
        response: ModelResponse,
        started: int,
        parts: Sequence[InnerCall] | None,
    ) -> ModelResponse:
        """The answer to a part of a call, with what it cost, if that is known."""
        cost = self._cost(base, request, response, started, parts)
        if cost is None:
            return response
        return replace(response, cost=cost.total, input_cost=cost.input, output_cost=cost.output)

    def _cost(
        self,
        base: Attributes,
        request: ModelRequest,
        response: ModelResponse,
        started: int,
        parts: Sequence[InnerCall] | None,
    ) -> Cost | None:
        """As reported. Where SDKs have answered for a call, its parts have been priced where they were seen, and the
        answer has their sum."""
        if response.cost is not None:
            return Cost(response.cost, response.input_cost, response.output_cost)
        if parts is None or all(part.failed for part in parts):
            return self._priced(base, request, response, started)
        return None

    def _priced(
        self, base: Attributes, request: ModelRequest, response: ModelResponse, started: int
    ) -> Cost | None:
        usage = response.billed or response.usage
        if usage is None or usage.input_tokens is None:
            return None
        if usage.output_tokens is None and base[names.OPERATION_NAME] != "embeddings":
            return None  # broken off before it was told
        tiers = request.service_tier, response.service_tier, response.surcharge
        served = Served(base[names.PROVIDER_NAME], request.model, response.model, *tiers)
        try:
            rates = self._rates(served, started)
            if isinstance(rates, Rates):
                return rates.cost(usage)
            self._say_why(served, rates)
        except NoPriceError as why:
            self._say_why(served, str(why))
        except Exception:  # noqa: BLE001 - ours, not the user's
            internal_error("pricing a call")
        return None

    def _rates(self, served: Served, started: int) -> Rates | str:
        """Looked up once a minute: prices change by the day and by the hour."""
        minute = started // _MINUTE
        known = self._known.get(served)
        if known is not None and known[0] == minute:
            return known[1]
        rates = (
            None if self._table is None else self._table.rates(served.provider, served.answered, served.asked)
        )
        if rates is None:
            try:
                rates = listed.rates(served, datetime.fromtimestamp(started / 1e9, timezone.utc))
            except NoPriceError as why:
                rates = str(why)
        if len(self._known) >= _MOST_KNOWN:
            self._known = {}
        self._known[served] = minute, rates
        return rates

    def _say_why(self, served: Served, why: str) -> None:
        """One line for each model, and an end to that: servers choose the names."""
        model = served.provider, served.answered or served.asked
        if model not in self._named and len(self._named) < _MOST_NAMED:
            self._named.add(model)
            warn_once(("cost", *model), "no cost of %r by %s: %s", model[1], model[0], why)
