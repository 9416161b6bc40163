"""The composition of language models: the configured provider and its bounds."""

from __future__ import annotations

from ..actors.assistant.bot_assistant import BotAssistant, Send
from ..actors.assistant.draft_loop import DraftLoop, Hints
from ..actors.assistant.drafting import Drafter
from ..actors.assistant.knowledge import Knowledge
from ..actors.assistant.model_calls import ModelCalls
from ..channels.models.anthropic import AnthropicCompatible
from ..channels.models.langflow import Langflow
from ..channels.models.openai import OpenAiCompatible
from ..channels.models.rules import Rules
from ..core.ports.assistance.models import Model, Tier
from ..model_settings import prices_of
from ..settings import Settings
from ..storage.postgres.accounts.bots import PostgresRulesArchive
from ..storage.postgres.assistance.articles import PostgresArticles
from ..storage.postgres.assistance.draft_queue import PostgresDraftQueue
from ..storage.postgres.assistance.ledger import PostgresLedger
from ..storage.postgres.assistance.suggestions import PostgresSuggestions
from ..storage.postgres.conversations.conversations import PostgresConversations
from ..storage.postgres.database import Database
from .attachments import guard


def model(settings: Settings, rules: Rules) -> Model:
    """The configured provider. Needs a running loop; the caller closes it. Raises ValueError where a setting is missing."""
    s = settings
    if (fault := s.model_fault()) is not None:
        raise ValueError(fault)
    if s.model_provider == "langflow":
        assert s.langflow_runtime_url is not None and s.langflow_flow_id is not None
        return Langflow(guard(s), s.langflow_runtime_url, s.model_key, s.langflow_flow_id, s.model_timeout)
    if s.model_provider == "rules":
        return rules
    assert s.model_url is not None and s.model_premium is not None
    models: dict[Tier, str] = {"cheap": s.model_cheap or s.model_premium, "premium": s.model_premium}
    if s.model_provider == "anthropic-compatible":
        return AnthropicCompatible(guard(s), s.model_url, s.model_key, models, s.model_timeout)
    return OpenAiCompatible(guard(s), s.model_url, s.model_key, models, s.model_embedding, s.model_timeout)


def model_calls(settings: Settings, database: Database) -> ModelCalls:
    """The process's calls of models. Needs a running loop; the caller closes them."""
    rules = Rules()
    return ModelCalls(
        model(settings, rules),
        rules,
        PostgresLedger(database),
        deadline=settings.model_timeout,
        most=settings.model_calls,
        prices=prices_of(settings.model_prices),
    )


def knowledge(database: Database) -> Knowledge:
    """What searches the knowledge base."""
    return Knowledge(PostgresArticles(database))


def drafter(database: Database, calls: ModelCalls) -> Drafter:
    """What drafts replies."""
    return Drafter(calls, PostgresConversations(database), PostgresSuggestions(database), knowledge(database))


def draft_loop(database: Database, calls: ModelCalls, hints: Hints, send: Send) -> DraftLoop:
    """The loop that answers or drafts on inbound messages. Any number of processes may run one. `send` sends commands."""
    conversations = PostgresConversations(database)
    bot = BotAssistant(calls, conversations, PostgresRulesArchive(database), knowledge(database), send)
    return DraftLoop(
        PostgresDraftQueue(database),
        drafter(database, calls),
        bot,
        conversations,
        hints,
        PostgresLedger(database).trim,
    )
