"""Finds conversations by session id or phone number, and the tenant's sub-domain."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import msgspec

from ....actors.clock import now_ms
from ....core.accounts.identifiers import normalised, spellings
from ....core.conversation.state import Conversation
from ....core.errors import Forbidden, NotFound
from ....core.ports.resources import Session
from ...actions.older_services import sub_domain_of
from ...framework.endpoint import Call
from ...framework.services import Services
from ...routes.conversation.messages import visible

NO_BOT: Final = "bot"
"""Begins the session ids of conversations that no client opened."""
_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9.-]+")


async def found(call: Call[Any]) -> Session:
    """The session in the path. Raises NotFound."""
    await check_sub_domain(call, call.request.query.get("subDomain"))
    name = call.path["sessionId"]
    session = None if "\0" in name else await call.services.stores.sessions.find(call.account_id, name)
    if session is None:
        raise NotFound("no such conversation")
    return session


async def stored(call: Call[Any]) -> tuple[Session, Conversation]:
    """The session in the path, and its conversation. Raises NotFound."""
    session = await found(call)
    return session, await visible(call, session.conversation_id)


async def of_phone(call: Call[Any]) -> tuple[Session, Conversation]:
    """The live conversation of the phone number in the path. Raises NotFound, Invalid."""
    await check_sub_domain(call, call.request.query.get("subDomain"))
    number = normalised("whatsapp", call.path["phoneNumber"], "phoneNumber")
    c = await call.services.stores.sessions.live(call.account_id, [number, *spellings("whatsapp", [number])])
    if c is None:
        raise NotFound("No tenant found for phone")
    return await session_of(call, c), c


async def session_of(
    call: Call[Any], c: Conversation, bot_id: str | None = None, local_id: str | None = None
) -> Session:
    """A conversation's session, made where it has none; a bot and an outlet that are named later fill what is empty."""
    sessions = call.services.stores.sessions
    known = await sessions.of(call.account_id, c.id)
    if known is not None:
        new = msgspec.structs.replace(
            known, bot_id=known.bot_id or bot_id, local_id=known.local_id or local_id
        )
        return known if new == known else await sessions.ensure(call.account_id, new)
    phone = c.contact_identifier.removeprefix("+")
    bot = _NOT_IN_IDS.sub("-", bot_id or NO_BOT)
    made = f"{bot}_{phone}_{now_ms() // 1000}_{secrets.token_hex(4)}"
    return await sessions.ensure(call.account_id, Session(made, c.id, bot_id, local_id))


async def sub_domain(call: Call[Any]) -> str:
    """The account's sub-domain. Raises NotFound."""
    account = await call.services.stores.accounts.get(call.account_id)
    if account is None:
        raise NotFound("no such account")
    return sub_domain_of(account)


def is_own(services: Services, account_id: str, named: str | None) -> bool:
    """Whether a sub-domain, if one is named, was the account's within the last minute. False if that is not at hand."""
    if named is None:
        return True
    account = services.stores.accounts.at_hand(account_id)
    return account is not None and sub_domain_of(account) == named


async def check_sub_domain(call: Call[Any], named: str | None) -> None:
    """Raises Forbidden if a body, or a query, names another account's sub-domain than the key's."""
    if not is_own(call.services, call.account_id, named) and named != await sub_domain(call):
        raise Forbidden("the key does not belong to this subDomain")
