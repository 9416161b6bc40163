"""Conversions between rows and core structs of conversations and entries, and JSON parameters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import Any

import msgspec

from ...core.conversation.entries import NOTHING, Entry, EntryData, Message, Opened, Updated, actor
from ...core.conversation.state import NEVER_FIRED, UNROUTED, Conversation, Fired, RoutingState
from ...core.conversation.status import Status

_DATA = msgspec.json.Decoder(EntryData, strict=False)
_FIRED = msgspec.json.Decoder(Fired)
_ROUTING = msgspec.json.Decoder(RoutingState)
_LABELS = msgspec.json.Decoder(tuple[str, ...])
_STATUSES = {s.value: s for s in Status}
encode_data = msgspec.json.Encoder().encode
decode_data = _DATA.decode


def conversation_from_row(row: Sequence[Any]) -> Conversation:
    """A row of the query `conversation_columns`, whose order is that of the struct's fields."""
    f = list(row)
    f[:4] = map(intern, f[:4])  # shared by all rows that name them
    f[12] = _STATUSES[f[12]]
    f[15] = _LABELS.decode(f[15]) if f[15] != "[]" else ()
    f[20] = _object(f[20]) if f[20] != "{}" else NOTHING
    f[21] = _object(f[21]) if f[21] != "{}" else NOTHING
    f[-2] = _FIRED.decode(f[-2]) if f[-2] != "{}" else NEVER_FIRED
    f[-1] = _ROUTING.decode(f[-1]) if f[-1] != "{}" else UNROUTED
    return Conversation(*f)


def entry_from_row(row: Sequence[Any]) -> Entry:
    """A row of the query `entry_columns` or `shown_columns`."""
    account, conversation, seq, at, actor_type, actor_id, data, position = row
    by = actor(actor_type, actor_id)
    decoded = _DATA.decode(data)
    if isinstance(decoded, (Message, Opened)):
        if decoded.metadata:
            _restore_floats(decoded.metadata)
    elif isinstance(decoded, Updated):
        _restore_floats([decoded.changes.metadata, decoded.changes.bot_context])
    return Entry(intern(account), intern(conversation), seq, at, by, decoded, position)


def _object(text: str) -> dict[str, Any]:
    document = msgspec.json.decode(text)
    _restore_floats(document)
    return document


def _restore_floats(document: Any) -> None:
    """Turn huge integers back into floats. Postgres writes 1e300 as an integer, which no codec can carry; real integers beyond 64
    bits are refused on input."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        if isinstance(value, (dict, list)):
            _restore_floats(value)
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            document[key] = float(value)


def json_text(value: Any) -> str:
    """A JSON parameter of a query."""
    return msgspec.json.encode(value).decode()


def json_or_none(value: Any) -> str | None:
    return None if value is None else json_text(value)


def iso(ms: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, for Postgres and the API."""
    if ms is None:
        return None
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=256)
def _second(epoch: int) -> str:
    """Cached, since the times of a row, and of rows of the same commit, are mostly of one second."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


_TIMES = frozenset(
    f
    for f in Conversation.__struct_fields__
    if f.endswith("_at") or f in ("waiting_since", "snoozed_until", "unanswered_since")
)


def conversation_to_json(c: Conversation) -> str:
    """A row of `conversations` as JSON, for jsonb_populate_record: what is not there is null."""
    row = {name: value for name, value in msgspec.structs.asdict(c).items() if value is not None}
    for name in _TIMES & row.keys():
        row[name] = iso(row[name])
    return msgspec.json.encode(row).decode()
