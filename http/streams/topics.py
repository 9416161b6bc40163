"""The topics that a token may subscribe to. Names on the wire: `account`, `user`, `conversation:<id>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from ...core.accounts.principal import Principal, Role
from ...core.conversation.state import Conversation
from ...core.errors import Forbidden, Invalid, NotFound
from ...core.ids import is_uuid
from ...core.ports.http import ThreadOwner
from ...core.views.stream_events import account_topic, conversation_topic, user_topic

MAX_TOPICS = 1000
"""Topics of one stream, and of one message. Beyond it 422 for the message, 409 for the stream."""


class Conversations(Protocol):
    async def get(self, account_id: str, conversation_id: str) -> Conversation | None: ...
    async def threads(self, account_id: str, conversations: list[str]) -> dict[str, ThreadOwner]:
        """Id → thread of those that exist."""
        ...

    async def of_thread(self, account_id: str, channel_id: str, identifier: str) -> list[str]:
        """Ids of a customer's conversations on a channel, newest first."""
        ...


async def resolve(principal: Principal, names: Iterable[str], conversations: Conversations) -> list[str]:
    """The hub's names of topics; conversations are looked up all at once. Raises Invalid, Forbidden, NotFound."""
    names = list(dict.fromkeys(names))
    if len(names) > MAX_TOPICS:
        raise Invalid(f"at most {MAX_TOPICS} topics", errors=(("topics", f"at most {MAX_TOPICS}"),))
    topics = [_parse(principal, name) for name in names]
    prefix = conversation_topic("")
    ids = [topic.removeprefix(prefix) for topic in topics if topic.startswith(prefix)]
    found = await _threads(principal, ids, conversations)
    for id in ids:
        if id not in found or not may_see(principal, found[id]):
            raise NotFound("no such conversation")
    return topics


async def _threads(
    principal: Principal, ids: list[str], conversations: Conversations
) -> Mapping[str, ThreadOwner | Conversation]:
    if len(ids) != 1:
        return await conversations.threads(principal.account_id, ids) if ids else {}
    found = await conversations.get(principal.account_id, ids[0])
    return {} if found is None else {ids[0]: found}


def _parse(principal: Principal, name: str) -> str:
    """The hub's name of a topic; its conversation has not been looked up yet."""
    kind, _, rest = name.partition(":")
    if kind == "conversation" and rest:
        if not is_uuid(rest.lower()):
            raise NotFound("no such conversation")
        return conversation_topic(rest.lower())
    if kind == "account" and rest in ("", principal.account_id):
        if principal.role is Role.CUSTOMER:
            raise Forbidden("customers have no inbox")
        return account_topic(principal.account_id)
    if kind == "user" and rest in ("", principal.user_id):
        if principal.role is Role.CUSTOMER:
            raise Forbidden("customers have no user topic")
        return user_topic(principal.user_id)
    if kind in ("account", "user"):
        raise NotFound("no such topic")
    raise Invalid(
        "unknown topic", errors=(("topics", f"{name[:80]!r} is none of account, user, conversation:<id>"),)
    )


def may_see(principal: Principal, c: ThreadOwner | Conversation) -> bool:
    """Whether the principal may see the conversation: staff see all of the account's, customers their own."""
    return principal.role is not Role.CUSTOMER or (
        (c.channel_id, c.contact_identifier) == (principal.channel_id, principal.contact_identifier)
    )


async def defaults(principal: Principal, conversations: Conversations) -> list[str]:
    """The topics of a stream that names none; the hub adds a customer's future conversations as they open."""
    if principal.role is not Role.CUSTOMER:
        return [account_topic(principal.account_id), user_topic(principal.user_id)]
    assert principal.channel_id is not None and principal.contact_identifier is not None
    own = await conversations.of_thread(
        principal.account_id, principal.channel_id, principal.contact_identifier
    )
    return [conversation_topic(i) for i in own]
