"""Log-signal events: the exception that ended a call."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from opentelemetry._logs import Logger, LoggerProvider, LogRecord, SeverityNumber, get_logger
from opentelemetry.context import Context

from otel_llm.telemetry import names
from otel_llm.telemetry.attributes import Attributes

_LONGEST = 64 * 1024  # characters; a provider may answer anything


def message_of(error: BaseException) -> str:
    """What an exception says; nothing if saying it raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - of a class of the user's
        return ""


def _encodable(words: str) -> str:
    return words[:_LONGEST].encode("utf-8", "replace").decode()


class Events:
    """Emits through whatever logger provider is in force."""

    def __init__(
        self, provider: LoggerProvider | None, version: str, tell_text: Callable[[str], str] | None
    ) -> None:
        self._logger: Logger = get_logger("otel_llm", version, provider)
        self._tell_text = tell_text

    def details(self, attributes: Attributes, context: Context) -> None:
        """Everything that the span of a call says, and what was said in it as structures."""
        self._emit(names.EVENT_DETAILS, SeverityNumber.INFO, attributes, context)

    def exception(self, error_type: str, error: BaseException, context: Context) -> None:
        """The exception's class; its message and stack trace, which may quote anything, only with content on."""
        attributes: Attributes = {names.EXCEPTION_TYPE: error_type}
        if (tell := self._tell_text) is not None:
            attributes[names.EXCEPTION_MESSAGE] = _encodable(tell(message_of(error)))
            attributes[names.EXCEPTION_STACKTRACE] = _encodable(
                tell("".join(traceback.format_exception(error)))
            )
        self._emit(names.EVENT_EXCEPTION, SeverityNumber.WARN, attributes, context)

    def _emit(self, name: str, severity: SeverityNumber, attributes: Attributes, context: Context) -> None:
        self._logger.emit(
            LogRecord(
                event_name=name,
                severity_number=severity,
                severity_text=severity.name,
                attributes=attributes,
                context=context,
            )
        )
