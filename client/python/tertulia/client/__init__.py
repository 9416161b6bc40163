"""Python client of Tertulia: the API as typed methods, streams that resume by themselves, webhooks, and conversation sync."""

from .async_client import AsyncClient
from .client import Client
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
from .events import Event
from .streams.nonblocking import AsyncStream
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
    "TertuliaError",
    "Unauthenticated",
    "Webhook",
    "WebhookRefused",
]
