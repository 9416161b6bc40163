"""The routes of the native API, a module a resource; `ALL` is every one of them."""

from __future__ import annotations

from ..api import Route
from . import (
    account,
    channels,
    clients,
    contacts,
    conversations,
    docs,
    identifiers,
    inbox,
    messages,
    meta,
    streams,
    webchat,
)

ALL: list[Route] = [
    *inbox.ROUTES,
    *conversations.ROUTES,
    *messages.ROUTES,
    *webchat.ROUTES,
    *streams.ROUTES,
    *contacts.ROUTES,
    *identifiers.ROUTES,
    *channels.ROUTES,
    *account.ROUTES,
    *clients.ROUTES,
    *meta.ROUTES,
    *docs.ROUTES,
]
