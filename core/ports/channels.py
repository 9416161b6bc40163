"""The port of channels: verify, parse, send. Pure: requests are described, not made.

Each channel of `channels/` implements it; `channels/__init__.py` has the table.
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
    """The provider's API, unless the channel or a setting names another."""
    rate: float
    """Messages a second that the provider accepts from one channel."""
    needs_files: bool
    """Whether attachments are sent as bytes; otherwise by their public URLs."""

    def challenge(self, call: WebhookCall, credentials: Credentials) -> WebhookAnswer | None:
        """The response to a provider's GET; None if the call is not authentic (401)."""
        ...

    def verify(self, call: WebhookCall, credentials: Credentials) -> bool:
        """Verify the call's signature, over the raw bytes, in constant time."""
        ...

    def parse(self, call: WebhookCall, config: dict[str, Any]) -> list[ChannelEvent]:
        """The events of a verified call, in order. Raises ValueError if the payload as a whole cannot be parsed."""
        ...

    def answer(self) -> WebhookAnswer:
        """The response to the provider once everything is stored."""
        ...

    def requests(
        self, message: Outbound, credentials: Credentials, base_url: str, status_url: str
    ) -> list[ProviderRequest]:
        """The requests that send a message, in order. `status_url`: the callback for this channel's receipts."""
        ...

    def outcome(self, status: int, headers: dict[str, str], body: bytes) -> SendOutcome:
        """The outcome that a response to one of these requests stands for."""
        ...

    def media_step(
        self, media: Media, credentials: Credentials, base_url: str, answer: Any | None
    ) -> MediaStep:
        """The next request on the way to a file; `answer`: the JSON response to the previous one, None at first."""
        ...
