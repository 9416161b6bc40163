"""`/v1/teams` and their members.

A deleted team disappears at once: no list shows it, and no conversation can be assigned to it. Then it is removed from its conversations
one by one, by ordinary entries; closed ones keep its id as history. After a failure in between, repeating the call completes the
work.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id
from ....core.accounts.user_ids import USER_ID_RULE, is_user_id
from ....core.errors import Invalid, NotFound
from ....core.text.fields import NextCursor, about
from ....core.views.people import TeamMemberView, TeamView, member_view, team_view
from ...actions import conversations, reconcile
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, cursor, given, place, user_id

TAG = "teams"
TeamName = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"\S")]
Description = Annotated[str, msgspec.Meta(max_length=2000)]


class NewTeam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[TeamName, about("The team's name", "Billing")]
    description: Annotated[Description | None, about("What the team does", "Refunds and invoices")] = None


class TeamPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[TeamName | msgspec.UnsetType, about("The team's name", "Billing")] = msgspec.UNSET
    description: Annotated[
        Description | msgspec.UnsetType | None,
        about("What the team does; null to clear it", "Refunds and invoices"),
    ] = msgspec.UNSET


class NewTeamMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user_id`: the `sub` of their tokens. They need not have connected yet."""

    user_id: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=255),
        about("The `sub` of the agent's tokens", "00000000-0000-0000-0000-000000000021"),
    ]


class TeamsPage(msgspec.Struct, frozen=True):
    items: Annotated[list[TeamView], about("The teams")]
    next_cursor: NextCursor


class TeamMembersPage(msgspec.Struct, frozen=True):
    items: Annotated[list[TeamMemberView], about("The members")]
    next_cursor: NextCursor


async def create(call: Call[NewTeam]) -> web.Response:
    body = call.body
    made = await call.services.stores.teams.create(
        call.account_id, fresh_id(), body.name, body.description, author(call)
    )
    return created(team_view(made), BASE)


async def index(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    page = await call.services.stores.teams.page(call.account_id, place(query.cursor), query.limit)
    return answer(TeamsPage([team_view(t) for t in page.items], cursor(page.next)))


async def read(call: Call[None]) -> web.Response:
    found = await call.services.stores.teams.get(call.account_id, call.id())
    if found is None:
        raise _unknown()
    return answer(team_view(found))


async def patch(call: Call[TeamPatch]) -> web.Response:
    after = await call.services.stores.teams.update(
        call.account_id, call.id(), given(call.body), author(call)
    )
    if after is None:
        raise _unknown()
    return answer(team_view(after))


async def delete(call: Call[None]) -> web.Response:
    team_id, teams = call.id(), call.services.stores.teams
    if not await teams.begin_deletion(call.account_id, team_id):
        raise _unknown()
    await reconcile.leave_team(call, team_id)
    await teams.finish_deletion(call.account_id, team_id, author(call))
    await conversations.refresh_rules(call)
    return no_content()


async def members(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    page = await call.services.stores.teams.members(
        call.account_id, call.id(), place(query.cursor), query.limit
    )
    if page is None:
        raise _unknown()
    return answer(TeamMembersPage([member_view(m) for m in page.items], cursor(page.next)))


async def add_member(call: Call[NewTeamMember]) -> web.Response:
    wanted = call.body.user_id
    if not is_user_id(wanted):
        raise Invalid("the body is not valid", errors=(("user_id", USER_ID_RULE),))
    added = await call.services.stores.teams.add_member(call.account_id, call.id(), wanted, author(call))
    if added is None:
        raise _unknown()
    member, new = added
    await conversations.refresh_routing(call)
    return answer(member_view(member), 201 if new else 200)


async def remove_member(call: Call[None]) -> web.Response:
    if not await call.services.stores.teams.remove_member(
        call.account_id, call.id(), user_id(call), author(call)
    ):
        raise NotFound("no such member")
    await conversations.refresh_routing(call)
    return no_content()


def _unknown() -> NotFound:
    return NotFound("no such team")


BASE = "/v1/teams"
ONE = {200: TeamView}
MANAGE = "teams.manage"
ROUTES = [
    Route("GET", BASE, index, "teams.read", {200: TeamsPage}, "listTeams", "Teams, oldest first", query=PageQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: TeamView}, "createTeam", "Create a team", body=NewTeam, tag=TAG, locates=True),
    Route("GET", BASE + "/{id}", read, "teams.read", ONE, "getTeam", "One team", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, MANAGE, ONE, "updateTeam", "Change a team", body=TeamPatch, tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, MANAGE, {204: None},
          "deleteTeam", "Delete a team; it is removed from conversations that are not closed", tag=TAG),
    Route("GET", BASE + "/{id}/members", members, "teams.read", {200: TeamMembersPage},
          "listTeamMembers", "A team's members, in the order they joined", query=PageQuery, tag=TAG),
    Route("POST", BASE + "/{id}/members", add_member, MANAGE, {201: TeamMemberView, 200: TeamMemberView},
          "addTeamMember", "Add a member to a team; 200 if they already belong to it", body=NewTeamMember, tag=TAG),
    Route("DELETE", BASE + "/{id}/members/{user_id}", remove_member, MANAGE, {204: None},
          "removeTeamMember", "Remove a member from a team", tag=TAG),
]  # fmt: skip
