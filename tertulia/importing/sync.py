"""Documents of the conversation sync service, from a file of `mongoexport` (one document per line, extended JSON) or `mongodump` (BSON).

The file is read twice: once to count and to find each customer's newest live session, then to import. Only one document at a time is in
memory, and the numbers of the live sessions.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from ..core.conversation.entries import SenderType
from .source import (
    MAX_BYTES,
    MAX_CONTENT,
    MAX_ID,
    MAX_MESSAGES,
    Head,
    Loaded,
    SetAside,
    SourceConversation,
    SourceError,
    SourceMessage,
    SourceSession,
    Totals,
    Unusable,
    object_of,
    phone_of,
    text_of,
    time_of,
)

BATCH: Final = 50
"""Documents that are looked at together."""
MAX_DOCUMENT: Final = 17 * 1024 * 1024
"""Bytes of a BSON document: MongoDB's limit of 16 MiB, and some."""
MAX_LINE: Final = 4 * MAX_DOCUMENT
"""Bytes of a line of JSON; a longer one is set aside."""
SENDERS: Final[dict[str, SenderType]] = {"user": "contact", "bot": "bot"}
OF_MESSAGES: Final = ("previousMessages", "lastUserMessage")
"""Parts of the context that come from the messages."""


class _Document:
    """One document, or why a line is none. `place`: its line, or its number in a BSON file."""

    def __init__(self, place: str, document: Any, fault: str | None = None) -> None:
        self.place = place
        self.fields: dict[str, Any] = document if isinstance(document, dict) else {}
        self.fault = fault or (None if isinstance(document, dict) else "is not a document")
        key = self.fields.get("_id", self.fields.get("sessionId"))
        self.id = place if key is None else str(key)
        context = self.fields.get("context")
        messages = context.get("previousMessages") if isinstance(context, dict) else None
        self.messages: list[Any] = messages if isinstance(messages, list) else []


class SyncDump:
    """`Source` of one sub-domain: documents of others are passed over. `outlet` maps a `localId` to an outlet's id."""

    def __init__(
        self, path: Path, sub_domain: str, outlet: Callable[[str | None], str | None], zone: tzinfo, now: int
    ) -> None:
        self._path = path
        self._sub_domain = sub_domain
        self._outlet = outlet
        self._zone = zone
        self._now = now
        self._newest: dict[str, tuple[int, str]] = {}

    async def totals(self) -> Totals:
        conversations = messages = 0
        for document in self._documents():
            conversations += 1
            messages += len(document.messages)
            if document.fields.get("isActive") is True and (live := self._live(document)) is not None:
                phone, at = live
                self._newest[phone] = max(self._newest.get(phone, (0, "")), (at, document.id))
        return Totals(conversations, messages)

    def _live(self, document: _Document) -> tuple[str, int] | None:
        try:
            return phone_of(document.fields.get("userId"), "userId"), self._last(document.fields) or 0
        except Unusable:
            return None

    async def heads(self) -> AsyncIterator[Sequence[Head]]:
        batch: list[Head] = []
        for document in self._documents():
            batch.append(Head(document.id, document))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def load(self, heads: Sequence[Head]) -> AsyncIterator[Loaded]:
        for head in heads:
            yield self._loaded(head)

    def _loaded(self, head: Head) -> Loaded:
        document: _Document = head.row
        aside: list[SetAside] = []
        try:
            if document.fault is not None:
                raise Unusable(document.fault)
            c = self._conversation(document, self._messages(document, aside))
        except Unusable as error:
            reason = SetAside("conversation", head.id, document.place, str(error))
            return Loaded(head, None, [reason], len(document.messages))
        return Loaded(head, c, aside, len(document.messages))

    def _messages(self, document: _Document, aside: list[SetAside]) -> list[SourceMessage]:
        if len(document.messages) > MAX_MESSAGES:
            raise Unusable(f"it has more than {MAX_MESSAGES:,} messages")
        found: list[SourceMessage] = []
        for number, value in enumerate(document.messages, 1):
            try:
                found.append(self._message(str(number), value))
            except Unusable as error:
                aside.append(SetAside("message", f"{document.id}/{number}", document.place, str(error)))
        if sum(m.size for m in found) > MAX_BYTES:
            raise Unusable(f"its messages have more than {MAX_BYTES:,} bytes")
        return found

    def _message(self, number: str, value: Any) -> SourceMessage:
        if not isinstance(value, dict) or value.get("role") not in SENDERS:
            raise Unusable("role is neither user nor bot")
        return SourceMessage(
            id=number,
            sender=SENDERS[value["role"]],
            content=text_of(value.get("content"), "content", MAX_CONTENT),
            at=self._time(value.get("timestamp"), "timestamp"),
            metadata=object_of(_plain(value.get("metadata")), "metadata"),
        )

    def _conversation(self, document: _Document, messages: list[SourceMessage]) -> SourceConversation:
        fields = document.fields
        phone, last = phone_of(fields.get("userId"), "userId"), self._last(fields)
        started = self._started(fields, messages)
        active = fields.get("isActive") is True
        if active and (newest := self._newest.get(phone)) is not None:
            active = newest[1] == document.id
        context = {k: v for k, v in _object(fields, "context").items() if k not in OF_MESSAGES}
        stated = {k: fields.get(k) for k in ("currentIntent", "currentStep")}
        context |= {k: text_of(v, k, MAX_ID) for k, v in stated.items() if v is not None}
        local_id = _optional(fields.get("localId"), "localId")
        return SourceConversation(
            phone=phone,
            status="active" if active else "expired",
            started_at=started,
            ended_at=None if active else last,
            outlet_id=self._outlet(local_id),
            messages=tuple(messages),
            metadata=object_of(_plain(fields.get("metadata")), "metadata"),
            bot_context=object_of(_plain(context), "context"),
            session=SourceSession(
                text_of(fields.get("sessionId"), "sessionId", MAX_ID),
                _optional(fields.get("botId"), "botId"),
                local_id,
            ),
        )

    def _started(self, fields: dict[str, Any], messages: Sequence[SourceMessage]) -> int:
        if fields.get("createdAt") is not None:
            return self._time(fields["createdAt"], "createdAt")
        made = getattr(fields.get("_id"), "generation_time", None)  # an ObjectId begins with its time
        if messages or made is None:
            return messages[0].at if messages else self._time(fields.get("lastActivity"), "createdAt")
        return self._time(made, "_id")

    def _last(self, fields: dict[str, Any]) -> int | None:
        for name in ("lastActivity", "updatedAt"):
            if fields.get(name) is not None:
                return self._time(fields[name], name)
        return None

    def _time(self, value: Any, name: str) -> int:
        """BSON's dates, RFC 3339, or ms since the epoch."""
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise Unusable(f"{name} is not a time") from None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                value = datetime.fromtimestamp(value / 1000, UTC)
            except (OverflowError, ValueError, OSError):
                raise Unusable(f"{name} is out of range") from None
        return time_of(value, name, self._zone, self._now)

    def _documents(self) -> Iterator[_Document]:
        """Documents of the sub-domain, and lines that are not documents at all."""
        for document in self._all():
            if (
                document.fault is not None
                or document.fields.get("subDomain", self._sub_domain) == self._sub_domain
            ):
                yield document

    def _all(self) -> Iterator[_Document]:
        name = self._path.name.removesuffix(".gz")
        opened = gzip.open if self._path.suffix == ".gz" else open
        try:
            with opened(self._path, "rb") as file:
                stream = cast(BinaryIO, file)
                yield from _bson(stream) if name.endswith(".bson") else _lines(stream)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{self._path} cannot be read: {error}") from None


def _lines(file: BinaryIO) -> Iterator[_Document]:
    from bson import json_util

    options = json_util.JSONOptions(tz_aware=True, tzinfo=UTC)
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        place = f"line {number}"
        if not line.endswith(b"\n") and len(line) == MAX_LINE:
            while (more := file.readline(MAX_LINE)) and not more.endswith(b"\n"):
                pass
            yield _Document(place, None, f"has more than {MAX_LINE:,} bytes")
            continue
        if not line.strip():
            continue
        try:
            document = json_util.loads(line.decode(), json_options=options)
        except (
            Exception
        ) as error:  # bson raises TypeError, ValueError, its own errors, and what a value's type has
            yield _Document(place, None, f"is not extended JSON: {str(error)[:200]}")
            continue
        if number == 1 and isinstance(document, list):
            raise SourceError(
                "the file is one JSON array: export it without --jsonArray, one document per line"
            )
        yield _Document(place, document)


def _bson(file: BinaryIO) -> Iterator[_Document]:
    import bson
    import bson.codec_options
    import bson.errors

    options: bson.CodecOptions[Any] = bson.CodecOptions(
        tz_aware=True, tzinfo=UTC, unicode_decode_error_handler="replace",
        datetime_conversion=bson.codec_options.DatetimeConversion.DATETIME_CLAMP,
    )  # fmt: skip
    number = 0
    while head := file.read(4):
        number += 1
        size = int.from_bytes(head, "little", signed=True)
        if len(head) < 4 or not 5 <= size <= MAX_DOCUMENT:
            raise SourceError(f"document {number} is damaged: the rest of the file cannot be read")
        raw = head + file.read(size - 4)
        if len(raw) < size:
            raise SourceError(f"the file ends within document {number}")
        try:
            document = bson.decode(raw, options)
        except bson.errors.InvalidBSON as error:
            yield _Document(f"document {number}", None, f"is not BSON: {str(error)[:200]}")
            continue
        yield _Document(f"document {number}", document)


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unusable(f"{name} is not an object")
    return value


def _optional(value: Any, name: str) -> str | None:
    return (
        None
        if value is None or value == ""
        else text_of(value if isinstance(value, str) else str(value), name, MAX_ID)
    )


def _plain(value: Any) -> Any:
    """BSON's own types as JSON has them: numbers as numbers, times in RFC 3339, everything else as text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    to_decimal = getattr(value, "to_decimal", None)
    return float(to_decimal()) if callable(to_decimal) else str(value)  # pyright: ignore[reportArgumentType]
