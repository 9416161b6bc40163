"""Documents of the conversation sync service, from a file of `mongoexport` or `mongodump` (`mongo_files.py`).

The file is read twice: once to count and to find each customer's newest live session, then to import. Only one document at a time is in
memory, with the numbers of the live sessions, and eight bytes of each document's id.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from itertools import starmap
from pathlib import Path
from typing import Any, Final

from ..core.conversation.entries import SenderType
from .mongo_files import documents
from .source import (
    MAX_BYTES,
    MAX_CONTENT,
    MAX_ID,
    MAX_MESSAGES,
    Head,
    Loaded,
    SetAside,
    SourceConversation,
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
            return _phone(document.fields), self._last(document.fields) or 0
        except Unusable:
            return None

    async def heads(self) -> AsyncIterator[Sequence[Head]]:
        batch: list[Head] = []
        seen: set[bytes] = set()
        for document in self._documents():
            if (name := blake2b(document.id.encode("utf-8", "replace"), digest_size=8).digest()) in seen:
                document.fault = document.fault or f"an earlier document has its id, {document.id}"
                document.id = document.place
            seen.add(name)
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
        phone, last = _phone(fields), self._last(fields)
        started = self._started(fields, messages)
        active = fields.get("isActive") is True
        if active and (newest := self._newest.get(phone)) is not None:
            active = newest[1] == document.id
        context = {k: v for k, v in _object(fields, "context").items() if k not in OF_MESSAGES}
        stated = {k: fields.get(k) for k in ("currentIntent", "currentStep")}
        context |= {k: v and text_of(v, k, MAX_ID) for k, v in stated.items() if v is not None}
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
        """BSON's dates and timestamps, RFC 3339, or ms since the epoch."""
        if callable(as_datetime := getattr(value, "as_datetime", None)):
            value = as_datetime()
        elif isinstance(value, str):
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
        for document in starmap(_Document, documents(self._path)):
            if (
                document.fault is not None
                or document.fields.get("subDomain", self._sub_domain) == self._sub_domain
            ):
                yield document


def _phone(fields: dict[str, Any]) -> str:
    """The customer's number, which may have been stored as a number of JSON. Raises Unusable."""
    value = fields.get("userId")
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        value = str(int(value))
    return phone_of(value, "userId")


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
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):  # BSON has kinds of its own: a long, code
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, datetime):
        return value.isoformat()
    to_decimal = getattr(value, "to_decimal", None)
    return float(to_decimal()) if callable(to_decimal) else str(value)  # pyright: ignore[reportArgumentType]
