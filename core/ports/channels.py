"""What a channel module is: verify, parse, send. All of it is pure: what goes over the network is described, not done.

A module of `channels/` is one of these; `channels/__init__.py` has the table.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..channels.messages import (
    ChannelEvent,
    Credentials,
    Media,
    MediaStep,
    Outbound,
    ProviderRequest,
    SendOutcome,
    WebhookAnswer,
    WebhookCall,
)


class ChannelKind(Protocol):
    """One provider."""

    base_url: str
    """The provider's own API, where neither the channel nor a setting names another."""
    rate: float
    """Messages a second that the provider takes from one channel."""
    needs_files: bool
    """Whether attachments must come along as bytes; else their public URLs are enough."""

    def challenge(self, call: WebhookCall, credentials: Credentials) -> WebhookAnswer | None:
        """The answer to a provider's GET; None where it proves nothing (401)."""
        ...

    def verify(self, call: WebhookCall, credentials: Credentials) -> bool:
        """Whether the call is the provider's: over the raw bytes, in constant time."""
        ...

    def parse(self, call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
        """The events of a verified call, in order. Raises ValueError where the payload as a whole makes no sense."""
        ...

    def answer(self) -> WebhookAnswer:
        """What the provider hears once everything is stored."""
        ...

    def requests(
        self, message: Outbound, credentials: Credentials, base_url: str, status_url: str
    ) -> list[ProviderRequest]:
        """The requests that send a message, in order. `status_url`: where this channel's receipts go."""
        ...

    def outcome(self, status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
        """What the provider's answer to one of them means."""
        ...

    def media_step(
        self, media: Media, credentials: Credentials, base_url: str, answer: Any | None
    ) -> MediaStep:
        """The request that leads to a file; `answer` is the JSON that the step before gave, None at first."""
        ...
