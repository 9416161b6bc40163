"""Logging: one record per line, as JSON or for a terminal, without secrets.

Owns the shape, redaction and escaping of records. All logging goes through here, the libraries' too. A value never
starts a line of its own, and no token gets through.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED: Final = "[redacted]"
MAX_DEPTH: Final = 8
MAX_TEXT: Final = 8_192  # longer values are cut, which bounds a record and the time that redaction takes
MAX_TRACE: Final = 65_536

request_context: ContextVar[Mapping[str, Any]] = ContextVar("request_context", default={})  # noqa: B039
"""Fields of every record of a request: request_id, account, conversation. Replaced, never changed in place."""

_NAMES: Final = (
    r"authorization|cookie|passwd|password|passphrase|secret|token|ticket|api_?key|private_?key|access_?key"
    r"|credentials?|credentials_keys|identity_hash|signature"
)
_SECRET_KEY: Final = re.compile(rf"(?:{_NAMES})s?$", re.IGNORECASE)
_PATTERNS: Final = (
    # a JWT, anywhere
    (re.compile(r"eyJ[\w-]{2,1024}\.[\w-]+(?:\.[\w-]*)?"), REDACTED),
    (re.compile(r"\b(Bearer|Basic)(\s+|%20)[^\s\"'\\,]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    # scheme://user:password@host
    (re.compile(r"(://[^\s/:@\"']*:)[^\s/@\"']+@"), rf"\1{REDACTED}@"),
    # ?ticket=… in a URL, 'password': '…' in a repr, \"access_token\":\"…\" in quoted JSON
    (
        re.compile(
            rf"((?:{_NAMES})\\?[\"']?\s*[=:]\s*b?\\?[\"']?)(?!\[redacted\]|\s|Bearer|Basic)[^\s\"'&#,;}}\\]+",
            re.I,
        ),
        rf"\1{REDACTED}",
    ),
)
_CONTROL: Final = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F))
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_CONTROL_BUT_NEWLINE: Final = {code: text for code, text in _CONTROL.items() if code != ord("\n")}


def configure(
    level: str = "info", form: Literal["auto", "json", "console"] = "auto", stream: TextIO | None = None
) -> None:
    """Send structlog and the standard library's logging to `stream` (stderr by default) in one form."""
    out = sys.stderr if stream is None else stream
    console = form == "console" or (form == "auto" and out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        _add_context,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    final = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _console if console else _json]
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(number)
    logging.getLogger("aiormq.connection").setLevel(
        logging.CRITICAL
    )  # repeats what it raises, at each attempt
    structlog.configure(
        processors=[
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A processor that replaces values under secret names, and secrets inside other texts."""
    return {key: _clean(key, value, MAX_DEPTH) for key, value in event.items()}


def redact_text(text: str) -> str:
    """`text` without tokens, passwords and tickets."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _clean(key: object, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    number = isinstance(value, int | float)
    if isinstance(key, str) and _SECRET_KEY.search(key) and not (number and key.endswith("s")):
        return REDACTED  # `tokens: 7` is a count
    if number:
        return value
    if isinstance(value, str):
        return redact_text(_cut(value, MAX_TRACE if key == "exception" else MAX_TEXT))
    if depth == 0:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {_text(k): _clean(k, v, depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(None, v, depth - 1) for v in value]
    if key in ("_record", "_logger"):
        return value
    return redact_text(_cut(_text(value), MAX_TEXT))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}[{len(text) - most} more]"


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in request_context.get().items():
        event.setdefault(key, value)
    return event


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    # ASCII only, so that no reader breaks a line at U+2028 or U+0085, or fails at half a surrogate pair
    return json.dumps(event, default=repr).translate({0x7F: "\\u007f"})


def _console(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    stamp, level = event.pop("timestamp", ""), event.pop("level", "")
    name, trace = event.pop("logger", ""), event.pop("exception", None)
    words = [f"{stamp} {level:<7} {_text(event.pop('event', ''))}", f"[{name}]"]
    words += [f"{key}={_text(value)}" for key, value in event.items()]
    line = " ".join(words).encode("utf-8", "replace").decode().translate(_CONTROL)
    if trace is None:
        return line
    # each line of a trace follows a bar, so none can pass for a record
    rest = str(trace).encode("utf-8", "replace").decode().translate(_CONTROL_BUT_NEWLINE)
    return "\n".join([line, *(f"  | {text}" for text in rest.split("\n"))])
