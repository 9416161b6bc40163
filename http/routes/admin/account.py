"""`/v1/account` and `/v1/audit-log`: the account's settings, and who changed them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.errors import Invalid, NotFound
from ....core.ids import is_uuid
from ....core.text.fields import NextCursor, about
from ....core.views.payloads import AccountSettingsPatch
from ....core.views.resources import AccountView, AuditRecordView, account_view, audit_view
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import PageQuery, author, check_size, cursor, given, place

TAG = "account"


class AccountPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`settings` are merged key by key; null resets a key to its default."""

    name: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | msgspec.UnsetType,
        about("The account's name", "Demo"),
    ] = msgspec.UNSET
    settings: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about(
            "Settings to change, merged key by key; null resets one to its default",
            {"presence_grace_s": 120},
            shown_as=AccountSettingsPatch,
        ),
    ] = msgspec.UNSET


class AuditQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    action: Annotated[
        Annotated[str, msgspec.Meta(max_length=100)] | None, about("Only this action", "team.created")
    ] = None
    target_id: Annotated[
        Annotated[str, msgspec.Meta(max_length=255)] | None, about("Only records about this object")
    ] = None


class AuditRecordsPage(msgspec.Struct, frozen=True):
    items: Annotated[list[AuditRecordView], about("The records")]
    next_cursor: NextCursor


async def read(call: Call[None]) -> web.Response:
    account = await call.services.stores.accounts.get(call.account_id)
    if account is None:
        raise NotFound("no such account")
    return answer(account_view(account))


async def patch(call: Call[AccountPatch]) -> web.Response:
    changes = given(call.body)
    check_size(changes.get("settings"), "settings")
    await _check_overflow(call)
    account = await call.services.stores.accounts.update(
        call.account_id, changes.get("name"), changes.get("settings"), author(call)
    )
    if account is None:
        raise NotFound("no such account")
    await conversations.refresh_rules(call)
    await conversations.refresh_routing(call)
    return answer(account_view(account))


async def _check_overflow(call: Call[AccountPatch]) -> None:
    """Raises Invalid if the team for conversations that wait too long does not exist."""
    path = "settings.routing.overflow.team_id"
    value: Any = {"settings": call.body.settings}
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str) and not (
        is_uuid(value) and await call.services.stores.teams.get(call.account_id, value)
    ):
        raise Invalid("the settings are not valid", errors=((path, "is not a team of this account"),))


async def audit(call: Call[None]) -> web.Response:
    query: AuditQuery = call.query
    page = await call.services.stores.audit.page(
        call.account_id, query.action, query.target_id, place(query.cursor), query.limit
    )
    return answer(AuditRecordsPage([audit_view(r) for r in page.items], cursor(page.next)))


ONE = {200: AccountView}
ROUTES = [
    Route("GET", "/v1/account", read, "account.read", ONE, "getAccount", "The account and its settings", tag=TAG, refuses=(404,)),
    Route("PATCH", "/v1/account", patch, "account.manage", ONE, "updateAccount", "Change the account's name and settings",
          body=AccountPatch, tag=TAG, refuses=(404,), example={"settings": {"presence_grace_s": 120}}),
    Route("GET", "/v1/audit-log", audit, "audit.read", {200: AuditRecordsPage}, "listAuditRecords", "The audit log, newest first",
          query=AuditQuery, tag=TAG, expensive=lambda query: query.action is not None or query.target_id is not None),
]  # fmt: skip
