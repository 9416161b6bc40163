"""Descriptions, formats and examples of the fields of API objects, as annotations of their types; the API documents show them."""

from __future__ import annotations

from typing import Annotated, Any, Final, get_args, get_origin

import msgspec

SHOWN_AS: Final = "x-shown-as"
"""Marks a schema that stands for the type of that name in `SHOWN_TYPES`."""
SHOWN_TYPES: Final[dict[str, Any]] = {}
"""Types of values that are kept as they came, by name: see `about`."""


def about(description: str, *examples: Any, format: str | None = None, shown_as: Any = None) -> msgspec.Meta:
    """Describe a field. `shown_as`: the type by which the documents show a value that the code handles as a plain dict."""
    extra: dict[str, Any] = {}
    if format is not None:
        extra["format"] = format
    if shown_as is not None:
        SHOWN_TYPES[shown_as.__name__] = shown_as
        extra[SHOWN_AS] = shown_as.__name__
    return msgspec.Meta(
        description=description, examples=list(examples) or None, extra_json_schema=extra or None
    )


Id = Annotated[str, about("A UUID", "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07", format="uuid")]
AccountId = Annotated[
    str, about("The account that it belongs to", "00000000-0000-0000-0000-000000000001", format="uuid")
]
ChannelId = Annotated[
    str,
    about(
        "The channel through which the customer writes",
        "00000000-0000-0000-0000-000000000011",
        format="uuid",
    ),
]
ContactId = Annotated[str, about("The customer", "0190a5f0-7c1e-7000-8000-00000000c0a1", format="uuid")]
ConversationId = Annotated[
    str, about("The conversation", "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07", format="uuid")
]
MessageId = Annotated[str, about("The message", "0190a5f1-0b2c-7e11-8a40-5d0b3f1c9e22", format="uuid")]
TeamId = Annotated[str, about("The team", "0190a5f0-7c1e-7000-8000-00000000b0b1", format="uuid")]
AgentId = Annotated[
    str, about("The agent: the `sub` of their tokens", "00000000-0000-0000-0000-000000000021")
]
Timestamp = Annotated[
    str,
    about("RFC 3339, in UTC, with milliseconds", "2026-03-02T09:30:00.000Z", format="date-time"),
]
CreatedAt = Annotated[Timestamp, about("When it was created")]
UpdatedAt = Annotated[Timestamp, about("When it last changed")]
Count = Annotated[int, msgspec.Meta(ge=0, examples=[3])]
Seq = Annotated[int, msgspec.Meta(ge=0, examples=[7])]
NextCursor = Annotated[
    str | None,
    about(
        "Pass it as `cursor` to get the next page; null on the last one", "WzE3NzI0NDM4MDAwMDAwMDAsIjAxOTAiXQ"
    ),
]
Metadata = Annotated[
    dict[str, Any],
    about(
        "Free-form: what clients and providers keep with it, at most 16,384 bytes as JSON",
        {"order": "A-1042"},
    ),
]


def all_optional(name: str, shape: type[msgspec.Struct], module: str, *more: Any) -> Any:
    """A type with the fields of `shape`, of which none is required and each may be null; `more` as for `defstruct`."""
    fields = [(f.encode_name, _nullable(f.type), msgspec.UNSET) for f in msgspec.structs.fields(shape)]
    return msgspec.defstruct(name, [*fields, *more], frozen=True, forbid_unknown_fields=True, module=module)


def _nullable(type_: Any) -> Any:
    """The type, null, or absent; described as before."""
    described = [
        msgspec.Meta(description=meta.description, examples=meta.examples)
        for meta in (get_args(type_)[1:] if get_origin(type_) is Annotated else ())
        if meta.description is not None
    ]
    union = type_ | None | msgspec.UnsetType
    return Annotated[union, described[-1]] if described else union
