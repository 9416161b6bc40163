"""The routes of the native API, one module per resource, and those of dialects; `ALL` lists them all.

Paths that `http/connection/fast_router.py` does not serve are matched by aiohttp, which tries routes with the same fixed prefix
(`/v1/conversations`) one after the other, each by a regular expression: the busiest come first.
"""

from __future__ import annotations

from ..dialects import ALL as DIALECTS
from ..framework.endpoint import Route
from ..pages import agents_page, demo_shop, welcome_page, widget_page
from . import docs, meta
from .admin import account, api_clients, bot_rules, event_webhooks
from .assistance import answers, article_import, articles, suggestions
from .conversation import (
    attachments,
    conversations,
    drafts,
    inbox,
    messages,
    queue,
    sla,
    viewing,
    webchat,
    webchat_sessions,
)
from .people import (
    agent_reports,
    agents,
    canned_responses,
    contacts,
    identifiers,
    preferences,
    reports,
    routing_journal,
    teams,
)
from .providers import channels, deliveries, inbound_failures, webhooks
from .streams import routes

ALL: list[Route] = [
    *webhooks.ROUTES,
    *DIALECTS,
    *messages.ROUTES,
    *inbox.ROUTES,  # before conversations: `stats` is not an id
    *conversations.ROUTES,
    *drafts.ROUTES,
    *suggestions.ROUTES,
    *answers.ROUTES,
    *article_import.ROUTES,
    *articles.ROUTES,  # its `search` before its ids
    *viewing.ROUTES,
    *sla.ROUTES,
    *webchat.ROUTES,  # before sessions: `conversation` is not an id
    *webchat_sessions.ROUTES,
    *routes.ROUTES,
    *attachments.ROUTES,
    *contacts.ROUTES,
    *identifiers.ROUTES,
    *channels.ROUTES,
    *inbound_failures.ROUTES,
    *preferences.ROUTES,
    *teams.ROUTES,
    *canned_responses.ROUTES,
    *bot_rules.ROUTES,
    *agents.ROUTES,
    *agent_reports.ROUTES,
    *reports.ROUTES,
    *queue.ROUTES,
    *routing_journal.ROUTES,
    *deliveries.ROUTES,
    *account.ROUTES,
    *api_clients.ROUTES,
    *event_webhooks.ROUTES,
    *meta.ROUTES,
    *docs.ROUTES,
    *welcome_page.ROUTES,
    *agents_page.ROUTES,
    *widget_page.ROUTES,
    *demo_shop.ROUTES,
]
