"""Python client of Tertulia: the API as typed methods, streams that resume by themselves, webhooks, and conversation sync."""

from .async_client import AsyncClient
from .client import Client
from .conversation_middleware import (
    ConversationContext,
    ConversationMiddleware,
    auto_sync_state,
    track_messages,
)
from .conversation_state_service import ConversationStateService
from .conversation_sync_helper import (
    add_message_to_conversation,
    initialize_conversation_for_user,
    link_order_to_conversation,
    sync_graph_state_to_api,
)
from .errors import (
    AnswerTooLarge,
    ApiError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    RateLimited,
    ServerFailed,
    StreamClosed,
    TertuliaError,
    Unauthenticated,
)
from .generated.events import Event
from .streams.nonblocking import AsyncStream
from .sync_health import SyncMetrics, sync_metrics
from .sync_settings import SyncSettings
from .transport.attempts import RetryPolicy
from .transport.operations import OMIT, Omit
from .transport.options import Options
from .transport.tokens import ClientCredentials
from .webhooks import Webhook, WebhookRefused

__all__ = [
    "OMIT",
    "AnswerTooLarge",
    "ApiError",
    "AsyncClient",
    "AsyncStream",
    "Client",
    "ClientCredentials",
    "Conflict",
    "ConnectionFailed",
    "ConversationContext",
    "ConversationMiddleware",
    "ConversationStateService",
    "DeadlineExceeded",
    "Event",
    "Forbidden",
    "Invalid",
    "Malformed",
    "NotFound",
    "Omit",
    "Options",
    "RateLimited",
    "RetryPolicy",
    "ServerFailed",
    "StreamClosed",
    "SyncMetrics",
    "SyncSettings",
    "TertuliaError",
    "Unauthenticated",
    "Webhook",
    "WebhookRefused",
    "add_message_to_conversation",
    "auto_sync_state",
    "initialize_conversation_for_user",
    "link_order_to_conversation",
    "sync_graph_state_to_api",
    "sync_metrics",
    "track_messages",
]
