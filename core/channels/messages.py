"""Messages between `channels/` (the providers' wire formats) and the rest: webhook calls, events, outgoing messages.

A channel module turns a `WebhookCall` into `Inbound`, `InboundEdit` and `Receipt` events, and an `Outbound` message into
`ProviderRequest`s. Times are milliseconds since the epoch; identifiers are in the form that is stored: E.164 for phones,
lower case for e-mail, the provider's own id elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..conversation.entries import DeliveryStatus

Credentials = Mapping[str, str]
"""Field → value; `http/routes/providers/channels.py` names the fields of each type."""


class WebhookCall(msgspec.Struct, frozen=True):
    """A provider's call. `url` is the public one, exactly as signed; names in `headers` are lower case."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class WebhookAnswer(msgspec.Struct, frozen=True):
    """The response that the provider expects."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class Sender(msgspec.Struct, frozen=True):
    """The customer. `aliases` are further identifiers of the same person (WhatsApp: phone and user id).

    `moved_to`: the one of them that replaces the others from now on (the customer's number changed).
    """

    identifier: str
    name: str | None = None
    aliases: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    moved_to: str | None = None


class Media(msgspec.Struct, frozen=True):
    """A file of an inbound message, one of: `id` (to be asked for), `url` (to be fetched), `data` (it came along)."""

    kind: str
    id: str | None = None
    url: str | None = None
    data: bytes | None = None
    name: str | None = None
    content_type: str | None = None
    size: int | None = None


class Inbound(msgspec.Struct, frozen=True):
    """A customer's message. `provider_id` is unique within the channel for good; `reply_to` is a provider id.

    `content` may be empty where there is media. `topic` is part of the thread key (e-mail only); `references` are the
    provider ids of the messages it answers, nearest first (e-mail only), which lead to its thread where they are known.
    `is_echo`: the business wrote it to `sender`, in an app of the provider's.
    """

    provider_id: str
    sender: Sender
    content: str
    content_type: str = "text"
    media: tuple[Media, ...] = ()
    reply_to: str | None = None
    topic: str = ""
    references: tuple[str, ...] = ()
    subject: str | None = None
    at: int | None = None
    metadata: dict[str, Any] = {}
    is_echo: bool = False


class InboundEdit(msgspec.Struct, frozen=True):
    """A customer changed a message. `inbound` is the message as it is now; the newest `edited_at` counts."""

    inbound: Inbound
    edited_at: int


class Receipt(msgspec.Struct, frozen=True):
    """The status of messages we sent: those named in `provider_ids`, or those that `recipient` was sent before
    `watermark` (ms). `message_id` is our own id, where the provider gives it back. `error`: `{code, detail}`.
    `clicked`: a link in it was followed.
    """

    status: DeliveryStatus
    provider_ids: tuple[str, ...] = ()
    message_id: str | None = None
    recipient: str | None = None
    watermark: int | None = None
    at: int | None = None
    error: dict[str, Any] | None = None
    clicked: bool = False


class Faulty(msgspec.Struct, frozen=True):
    """A part of a payload that could not be understood: it is set aside with the reason."""

    reason: str
    payload: Any


ChannelEvent = Inbound | InboundEdit | Receipt | Faulty


class OutboundFile(msgspec.Struct, frozen=True):
    """An attachment to send: a public `url` that the provider can fetch; `data` where the provider takes bytes."""

    url: str
    name: str | None = None
    content_type: str | None = None
    size: int | None = None
    data: bytes | None = None


class Outbound(msgspec.Struct, frozen=True):
    """A message to send to `to`. `reply_to` and `references` (oldest first) are provider ids. `automatic`: no person wrote it.

    `recipient`: the metadata of the customer's identifier, as their messages brought it. `answered`: that of the customer's message
    which it answers, or, naming none, of their newest (Telegram, SMS).
    """

    message_id: str
    conversation_id: str
    to: str
    content: str
    content_type: str = "text"
    files: tuple[OutboundFile, ...] = ()
    reply_to: str | None = None
    references: tuple[str, ...] = ()
    subject: str | None = None
    automatic: bool = False
    config: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    recipient: dict[str, Any] = {}
    answered: dict[str, Any] = {}


class ProviderRequest(msgspec.Struct, frozen=True):
    """One HTTP request to a provider; at most one of `json` and `form`. `auth` is basic. `otherwise`: the request to make instead, if
    the provider refuses this one for a part that the other lacks.
    """

    method: str
    url: str
    headers: dict[str, str] = {}
    json: Any = None
    form: tuple[tuple[str, str], ...] | None = None
    auth: tuple[str, str] | None = None
    otherwise: ProviderRequest | None = None


class Sent(msgspec.Struct, frozen=True):
    """The provider accepted it under this id. `recipients`: the identifiers by which it knows the customer, if it returned any."""

    provider_id: str | None
    recipients: tuple[str, ...] = ()


class NotSent(msgspec.Struct, frozen=True):
    """The provider refused it. `retry`: another attempt may succeed, after `retry_after` seconds if the provider said so.

    `slow_down`: the whole channel is too fast, not only this message. `otherwise`: it refused the part that the request's
    `otherwise` lacks.
    """

    code: str
    detail: str
    retry: bool = False
    retry_after: float | None = None
    slow_down: bool = False
    otherwise: bool = False


SendOutcome = Sent | NotSent


class MediaStep(msgspec.Struct, frozen=True):
    """The next request on the way to a file; `last`: its answer is the file itself."""

    request: ProviderRequest
    last: bool
