"""The settings of events for integrators, which `Settings` takes in: webhooks, the Redis stream, RabbitMQ."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings

from .setting_types import AmqpUrl


class EventSettings(BaseSettings):
    """Settings of the destinations of events."""

    webhooks_allow_private: bool = Field(
        False, description="allow http and private addresses for event webhooks; for development and tests"
    )
    webhooks_disable_after: float = Field(
        5 * 86_400,
        gt=0,
        description="how long an event webhook may fail without a success before it is disabled",
    )
    event_stream: str | None = Field(
        None,
        min_length=1,
        description="Redis stream to which all accounts' events are written; none when unset",
    )
    event_stream_maxlen: int = Field(
        1_000_000, ge=1, description="events that the Redis stream keeps, roughly; the oldest go first"
    )
    rabbitmq_url: AmqpUrl | None = Field(
        None,
        validation_alias=AliasChoices("RABBITMQ_URL"),
        description="RabbitMQ URL (amqp:// or amqps://) to whose exchange all accounts' events are published; none when unset",
    )
    rabbitmq_exchange: str = Field(
        "messaging", min_length=1, max_length=127, description="topic exchange of RABBITMQ_URL for events"
    )
