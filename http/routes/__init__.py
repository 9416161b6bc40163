"""The routes of the native API, a module a resource; `ALL` is every one of them.

Where `http/lane.py` does not know the way, aiohttp tries routes that share their fixed beginning (`/v1/conversations`) one after
the other, each by a regular expression: the busiest come first.
"""

from __future__ import annotations

from ..api import Route
from . import (
    account,
    agent_reports,
    agents,
    attachments,
    bot_rules,
    canned,
    channels,
    clients,
    contacts,
    conversations,
    deliveries,
    docs,
    event_webhooks,
    identifiers,
    inbound_failures,
    inbox,
    messages,
    meta,
    preferences,
    queue,
    streams,
    teams,
    webchat,
    webhooks,
)

ALL: list[Route] = [
    *webhooks.ROUTES,
    *messages.ROUTES,
    *inbox.ROUTES,  # before conversations: `stats` is no id
    *conversations.ROUTES,
    *webchat.ROUTES,
    *streams.ROUTES,
    *attachments.ROUTES,
    *contacts.ROUTES,
    *identifiers.ROUTES,
    *channels.ROUTES,
    *inbound_failures.ROUTES,
    *preferences.ROUTES,
    *teams.ROUTES,
    *canned.ROUTES,
    *bot_rules.ROUTES,
    *agents.ROUTES,
    *agent_reports.ROUTES,
    *queue.ROUTES,
    *deliveries.ROUTES,
    *account.ROUTES,
    *clients.ROUTES,
    *event_webhooks.ROUTES,
    *meta.ROUTES,
    *docs.ROUTES,
]
