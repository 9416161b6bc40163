"""Sends one claimed message: builds the provider's requests and judges the responses.

Decides nothing about retries and stores nothing; the channel queue does (`channel_queue.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

import msgspec
import structlog

from ...core.accounts.records import Channel
from ...core.channels.delivery_policy import Failure, too_automatic
from ...core.channels.file_types import safe_name
from ...core.channels.messages import NotSent, Outbound, OutboundFile, ProviderRequest, Sent
from ...core.channels.provider_urls import Base, ProviderUrls
from ...core.conversation.entries import Attachment
from ...core.errors import TertuliaError
from ...core.ports.channels import ChannelKind
from ...core.ports.deliveries import AttachmentStore
from ...core.ports.http import Vault
from ...core.ports.outbox import ToSend
from ...core.url_policy import Grant
from .provider_client import ProviderResponse

log = structlog.get_logger(__name__)

MAX_FILE = 25 * 1024 * 1024
"""Maximum bytes of an attachment that is sent with a message."""
MIN_RATE, MAX_RATE = 0.01, 10_000.0
OWN_URL = "/v1/attachments/"

Transport = Callable[[ProviderRequest, Collection[Grant]], Awaitable[ProviderResponse | Failure]]


class ChannelFinder(Protocol):
    async def find(self, channel_id: str) -> Channel | None: ...


class ChannelContext(msgspec.Struct, frozen=True):
    """An active channel, with everything needed to send on it."""

    channel: Channel
    kind: ChannelKind
    credentials: dict[str, str]
    base: Base
    status_url: str
    rate: float


class SentElsewhere(msgspec.Struct, frozen=True):
    """The account's own software sends this channel's messages (`config.sent_elsewhere`); here they are only recorded."""


class AcceptedRequest(msgspec.Struct, frozen=True):
    """The provider accepted a request that left at `left_at` (ms). `recipients`: the identifiers by which it knows the customer."""

    provider_id: str | None
    left_at: int
    recipients: tuple[str, ...] = ()


class MessageSender:
    """Builds and sends messages' requests. `urls` knows the providers' base URLs; `link` makes an attachment's URL public."""

    def __init__(
        self,
        kinds: Mapping[Any, ChannelKind],
        channels: ChannelFinder,
        vault: Vault,
        transport: Transport,
        *,
        public_url: str,
        urls: ProviderUrls,
        link: Callable[[str], str],
        attachments: AttachmentStore | None,
    ) -> None:
        self._kinds = kinds
        self._channels = channels
        self._vault = vault
        self._transport = transport
        self._public_url = public_url.rstrip("/")
        self._urls = urls
        self._link = link
        self._attachments = attachments

    async def context(self, channel_id: str) -> ChannelContext | SentElsewhere | Failure:
        """The means to send on a channel, or why nothing can be sent."""
        channel = await self._channels.find(channel_id)
        if channel is None:
            return Failure("channel_deleted", "the channel no longer exists")
        if not channel.is_active:
            return Failure("channel_inactive", "the channel is switched off")
        if channel.config.get("sent_elsewhere") is True:
            return SentElsewhere()
        try:
            credentials = self._vault.open(channel)
        except TertuliaError as error:
            return Failure("no_credentials", f"the channel's credentials cannot be opened: {error.detail}")
        if not credentials:
            return Failure("no_credentials", "the channel has no credentials")
        kind = self._kinds.get(channel.type)
        if kind is None:
            return Failure("channel_unsupported", f"nothing can be sent on a {channel.type} channel")
        base = self._urls.of(channel, kind.base_url)
        status_url = f"{self._public_url}/v1/webhooks/{channel.type}/{channel.id}"
        return ChannelContext(channel, kind, credentials, base, status_url, _rate(channel, kind))

    async def send(self, context: ChannelContext, request: ProviderRequest) -> AcceptedRequest | Failure:
        """Send one of a message's requests."""
        answer = await self._transport(request, context.base.grants)
        if isinstance(answer, Failure):
            return answer
        outcome = _outcome_of(context.kind, answer)
        if isinstance(outcome, NotSent):
            if outcome.otherwise and request.otherwise is not None:
                return await self.send(context, request.otherwise)
            return _failure(outcome, answer)
        if isinstance(outcome, Failure):
            return outcome
        return AcceptedRequest(outcome.provider_id, answer.left_at, outcome.recipients)

    async def requests(self, context: ChannelContext, item: ToSend) -> list[ProviderRequest] | Failure:
        """All requests of a message in order. The first `parts_done` have been sent before."""
        if not item.recipient:
            return Failure("erased", "the customer was erased", asked=False)
        enough = too_automatic(context.channel.type, item.automatic_before)
        if enough is not None and not item.parts_done:
            return enough
        try:
            files = [await self._file(context, item.account_id, a) for a in item.message.attachments]
        except _Missing as error:
            return error.failure
        message = _outbound(context, item, tuple(files))
        try:
            requests = context.kind.requests(
                message, context.credentials, context.base.url, context.status_url
            )
        except KeyError as error:
            return Failure("no_credentials", f"the channel lacks {error.args[0]!r}", asked=False)
        except Exception:  # a bug in a channel's module: this message fails, others continue
            log.exception("requests_failed", channel_type=context.channel.type, message_id=item.message_id)
            return Failure(
                "unsendable", "the message cannot be converted to the provider's format", asked=False
            )
        if len(requests) <= item.parts_done:
            return Failure("unsendable", "the message has no content that the provider accepts", asked=False)
        return requests

    async def _file(self, context: ChannelContext, account_id: str, attachment: Attachment) -> OutboundFile:
        file = OutboundFile(
            self._link(attachment.url), safe_name(attachment.name), attachment.content_type, attachment.size
        )
        if (
            not context.kind.needs_files
            or self._attachments is None
            or not attachment.url.startswith(OWN_URL)
        ):
            return file
        stored = await self._attachments.get(account_id, attachment.url.removeprefix(OWN_URL))
        if stored is None or stored.status == "failed":
            raise _Missing(Failure("attachment_missing", f"{attachment.url} cannot be read", asked=False))
        if stored.status == "pending":
            raise _Missing(
                Failure("attachment_pending", f"{attachment.url} is not stored yet", retry=True, asked=False)
            )
        data = bytearray()
        async for piece in self._attachments.read(stored):
            data += piece
            if len(data) > MAX_FILE:
                raise _Missing(
                    Failure(
                        "attachment_too_large",
                        f"{attachment.url} is larger than {MAX_FILE} bytes",
                        asked=False,
                    )
                )
        return msgspec.structs.replace(
            file, data=bytes(data), name=file.name or stored.name,
            content_type=file.content_type or stored.content_type, size=len(data),
        )  # fmt: skip


class _Missing(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def _outbound(context: ChannelContext, item: ToSend, files: tuple[OutboundFile, ...]) -> Outbound:
    m = item.message
    return Outbound(
        message_id=item.message_id,
        conversation_id=item.conversation_id,
        to=item.recipient,
        content=m.content,
        content_type=m.content_type,
        files=files,
        reply_to=item.reply_to or (item.references[-1] if item.references else None),
        references=item.references,
        subject=item.subject,
        automatic=m.sender_type in ("bot", "system"),
        config=context.channel.config,
        metadata=m.metadata,
        recipient=item.recipient_metadata,
        answered=item.answered,
    )


def _outcome_of(kind: ChannelKind, answer: ProviderResponse) -> Sent | NotSent | Failure:
    try:
        return kind.outcome(answer.status, answer.headers, answer.body)
    except Exception as error:
        log.exception("response_not_understood", status=answer.status)
        accepted = 200 <= answer.status < 300
        detail = f"the provider's answer ({answer.status}) was not understood: {type(error).__name__}"
        return Failure("bad_answer", detail, retry=True, unknown=accepted, provider=answer.status >= 500)


def _failure(refusal: NotSent, answer: ProviderResponse) -> Failure:
    return Failure(
        refusal.code, refusal.detail, retry=refusal.retry, retry_after=refusal.retry_after,
        slow_down=refusal.slow_down, provider=answer.status >= 500,
    )  # fmt: skip


def _rate(channel: Channel, kind: ChannelKind) -> float:
    rate = channel.config.get("rate")
    usable = isinstance(rate, (int, float)) and not isinstance(rate, bool) and MIN_RATE <= rate <= MAX_RATE
    return float(rate) if usable else kind.rate  # pyright: ignore[reportArgumentType]
