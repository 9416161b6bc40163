"""The ports of the people around conversations: agents, their preferences, teams, canned responses.

Bound to one account, in pages after a `Place` and with `by` for the audit log, as in `resources.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..accounts.agents_and_teams import (
    Agent,
    AgentPreferences,
    CannedResponse,
    PreferencesFilter,
    Team,
    TeamMember,
)
from ..accounts.records import Page, Place
from ..conversation.entries import Actor


class AgentStore(Protocol):
    async def ensure(self, account_id: str, user_id: str, name: str | None = None) -> None:
        """Make an agent's row and default preferences on first use; a name that is given is the agent's from now on.

        Best effort: an account that does not exist is left alone, and so is everything while the storage is away.
        """
        ...

    async def get(self, account_id: str, user_id: str) -> Agent | None: ...

    async def called(self, account_id: str, ids: Sequence[str], names: Sequence[str]) -> list[Agent]:
        """The agents with one of these ids or one of these names (as `core.accounts.agents_and_teams.folded` has them), a bounded number."""
        ...


class PreferencesStore(Protocol):
    """Agents' preferences."""

    async def get(self, account_id: str, user_id: str) -> AgentPreferences | None: ...

    async def page(
        self, account_id: str, wanted: PreferencesFilter, after: Place | None, limit: int
    ) -> Page[AgentPreferences]:
        """Oldest first."""
        ...

    async def update(
        self, account_id: str, user_id: str, changes: dict[str, Any], by: Actor
    ) -> AgentPreferences | None:
        """Fields of `AgentPreferences`; `notification_preferences` are merged key by key. In the audit log where `by` is
        somebody else.
        """
        ...


class TeamStore(Protocol):
    """Teams and who is in them. A team's name is its own within the account, whatever its case."""

    async def create(
        self, account_id: str, team_id: str, name: str, description: str | None, by: Actor
    ) -> Team:
        """Raises Conflict, naming the team that has the name."""
        ...

    async def get(self, account_id: str, team_id: str) -> Team | None: ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[Team]:
        """Oldest first."""
        ...

    async def update(self, account_id: str, team_id: str, changes: dict[str, Any], by: Actor) -> Team | None:
        """`name`, `description`. Raises Conflict."""
        ...

    async def begin_deletion(self, account_id: str, team_id: str) -> bool:
        """From now on the team is in no list and no conversation can be given to it. May be repeated until it is finished."""
        ...

    async def conversations(self, account_id: str, team_id: str) -> list[str]:
        """Ids of the conversations that are the team's and not over for good."""
        ...

    async def finish_deletion(self, account_id: str, team_id: str, by: Actor) -> None:
        """Delete a team whose deletion was begun, with its memberships."""
        ...

    async def members(
        self, account_id: str, team_id: str, after: Place | None, limit: int
    ) -> Page[TeamMember] | None:
        """In the order they joined; None where there is no such team."""
        ...

    async def add_member(
        self, account_id: str, team_id: str, user_id: str, by: Actor
    ) -> tuple[TeamMember, bool] | None:
        """The member, and whether they joined just now; None where there is no such team. Whoever is named becomes an agent
        of the account, as by a first use.
        """
        ...

    async def remove_member(self, account_id: str, team_id: str, user_id: str, by: Actor) -> bool: ...


class CannedStore(Protocol):
    """Canned responses. A short code is its own within the account, whatever its case."""

    async def create(self, response: CannedResponse, by: Actor) -> CannedResponse:
        """Raises Conflict, naming the one that has the short code."""
        ...

    async def get(self, account_id: str, response_id: str) -> CannedResponse | None: ...

    async def page(
        self, account_id: str, category: str | None, q: str | None, after: Place | None, limit: int
    ) -> Page[CannedResponse]:
        """Oldest first; `q` looks in short codes, titles and contents."""
        ...

    async def update(
        self, account_id: str, response_id: str, changes: dict[str, Any], by: Actor
    ) -> CannedResponse | None:
        """`short_code`, `title`, `content`, `category`. Raises Conflict."""
        ...

    async def delete(self, account_id: str, response_id: str, by: Actor) -> bool: ...
