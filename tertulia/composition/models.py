"""The composition of language models: the configured provider and its bounds."""

from __future__ import annotations

from ..actors.assistant.bot_assistant import BotAssistant, Send
from ..actors.assistant.draft_loop import DraftLoop
from ..actors.assistant.drafting import Drafter
from ..actors.assistant.knowledge import Knowledge
from ..actors.assistant.model_calls import ModelCalls
from ..actors.assistant.runs import Ask, AssistantRuns
from ..channels.models.anthropic import AnthropicCompatible
from ..channels.models.langflow import Langflow
from ..channels.models.openai import OpenAiCompatible
from ..channels.models.rules import RulesModel
from ..core.ports.assistance.models import Model, Tier
from ..core.ports.http import Hints
from ..model_settings import prices_of
from ..settings import Settings
from ..storage.postgres.accounts.bots import PostgresRulesArchive
from ..storage.postgres.assistance.articles import PostgresArticles
from ..storage.postgres.assistance.draft_queue import PostgresDraftQueue
from ..storage.postgres.assistance.ledger import PostgresLedger
from ..storage.postgres.assistance.runs import PostgresRuns
from ..storage.postgres.assistance.suggestions import PostgresSuggestions
from ..storage.postgres.conversations.conversations import PostgresConversations
from ..storage.postgres.database import Database
from .attachments import guard


def model(settings: Settings, rules: RulesModel, connections: int) -> Model:
    """The configured provider, over so many connections. Needs a running loop; the caller closes it. Raises ValueError where a setting
    is missing."""
    s = settings
    if (fault := s.model_fault()) is not None:
        raise ValueError(fault)
    if s.model_provider == "langflow":
        return langflow(s, connections)
    if s.model_provider == "rules":
        return rules
    assert s.model_url is not None and s.model_premium is not None
    models: dict[Tier, str] = {"cheap": s.model_cheap or s.model_premium, "premium": s.model_premium}
    requests = guard(s, connections=connections)
    if s.model_provider == "anthropic-compatible":
        return AnthropicCompatible(requests, s.model_url, s.model_key, models, s.model_timeout)
    return OpenAiCompatible(requests, s.model_url, s.model_key, models, s.model_embedding, s.model_timeout)


def langflow(s: Settings, connections: int) -> Langflow:
    """The flow of the settings. The provider's key is Langflow's only where Langflow is the provider."""
    assert s.langflow_runtime_url is not None and s.langflow_flow_id is not None
    key = s.langflow_api_key or (s.model_key if s.model_provider == "langflow" else None)
    requests = guard(s, connections=connections)
    return Langflow(requests, s.langflow_runtime_url, key, s.langflow_flow_id, s.model_timeout)


def model_calls(settings: Settings, database: Database) -> ModelCalls:
    """The process's calls of models. Needs a running loop; the caller closes them."""
    rules, most = RulesModel(), settings.model_calls
    return _calls(settings, database, model(settings, rules, most), rules, most)


def _calls(settings: Settings, database: Database, chosen: Model, rules: RulesModel, most: int) -> ModelCalls:
    ledger, prices = PostgresLedger(database), prices_of(settings.model_prices)
    return ModelCalls(chosen, rules, ledger, deadline=settings.model_timeout, most=most, prices=prices)


def knowledge(database: Database) -> Knowledge:
    """The search of the knowledge base."""
    return Knowledge(PostgresArticles(database))


def drafter(database: Database, calls: ModelCalls) -> Drafter:
    """The drafter of replies."""
    return Drafter(calls, PostgresConversations(database), PostgresSuggestions(database), knowledge(database))


def draft_loop(
    database: Database, incarnation: str, calls: ModelCalls, hints: Hints, send: Send
) -> DraftLoop:
    """The loop that answers or drafts on inbound messages, of the process of this incarnation. `send` sends commands."""
    conversations = PostgresConversations(database)
    bot = BotAssistant(calls, conversations, PostgresRulesArchive(database), knowledge(database), send)
    return DraftLoop(
        PostgresDraftQueue(database, incarnation),
        drafter(database, calls),
        bot,
        conversations,
        hints,
        PostgresLedger(database).trim,
    )


def assistant_runs(
    settings: Settings, database: Database, incarnation: str, ask: Ask, hints: Hints
) -> AssistantRuns:
    """The assistant's runs of one process, of this incarnation, with calls of their own: a flow that fails keeps nobody from a draft.
    The caller closes them."""
    rules, most = RulesModel(), settings.assistant_runs
    is_flow = settings.langflow_runtime_url is not None
    chosen = langflow(settings, most) if is_flow else model(settings, rules, most)
    return AssistantRuns(
        PostgresRuns(database, incarnation),
        _calls(settings, database, chosen, rules, most),
        PostgresConversations(database),
        PostgresDraftQueue(database, incarnation).settings,
        ask,
        hints,
        most=most,
    )
