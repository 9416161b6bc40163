"""Ids that conversations had in the CRM before they were imported: clients that stored one continue using it."""

from __future__ import annotations

from typing import Any, Final

from ....core.errors import NotFound
from ...actions import conversations as actions
from ...framework.endpoint import Call
from ...framework.services import Services

_VERSION: Final = 14
"""The index of a UUID's version. Conversations opened here have 7, those of the CRM 4."""


def is_imported(id: str) -> bool:
    """Whether an id of a conversation comes from elsewhere. What is not a UUID may be taken for either."""
    return id[_VERSION : _VERSION + 1] != "7"


async def conversation_id(services: Services, account_id: str, id: str) -> str:
    """The current id of a conversation. Raises NotFound if no conversation was imported under `id`."""
    id = actions.conversation_id(id)
    if not is_imported(id):
        return id
    found = await services.stores.sessions.find(account_id, id)
    if found is None:
        raise NotFound("no such conversation")
    return found.conversation_id


async def of_path(call: Call[Any]) -> str:
    """The current id of the conversation in the path. Raises NotFound."""
    return await conversation_id(call.services, call.account_id, call.id())
