"""The ports of agents, their preferences, teams and canned responses.

Everything is bound to one account; lists are paged after a `Place`, and `by` goes to the audit log, as in `resources.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..accounts.agents_and_teams import (
    Agent,
    AgentPreferences,
    CannedResponse,
    Draft,
    PreferencesFilter,
    Team,
    TeamMember,
)
from ..accounts.records import Page, Place
from ..conversation.entries import Actor
from ..views.inbox_preferences import InboxPreferences, InboxPreferencesPatch


class AgentStore(Protocol):
    async def ensure(self, account_id: str, user_id: str, name: str | None = None) -> None:
        """Create an agent with default preferences on first use; a given name replaces the agent's name.

        Best effort: no effect if the account does not exist or the storage is unavailable.
        """
        ...

    async def get(self, account_id: str, user_id: str) -> Agent | None: ...

    async def called(self, account_id: str, ids: Sequence[str], names: Sequence[str]) -> list[Agent]:
        """Agents with one of these ids, or names as returned by `core.accounts.agents_and_teams.folded`; bounded in number."""
        ...

    async def is_removable(self, account_id: str, user_id: str) -> bool:
        """False if there is no such agent. Raises Conflict while conversations are assigned to them, with the ids of some."""
        ...

    async def remove(self, account_id: str, user_id: str, by: Actor) -> bool:
        """Remove an agent, with preferences, memberships and drafts; False if there is no such agent. What they wrote and did stays.
        Raises Conflict as `is_removable` does."""
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
        """Change fields of `AgentPreferences`; `notification_preferences` are merged key by key. Audited if `by` is another person."""
        ...

    async def inbox(self, account_id: str, user_id: str) -> InboxPreferences | None:
        """What an agent keeps of the inbox; None if there is no such agent."""
        ...

    async def update_inbox(
        self, account_id: str, user_id: str, patch: InboxPreferencesPatch
    ) -> InboxPreferences | None:
        """Merge changes key by key, those of two clients one after the other. Raises Invalid if there would be too many."""
        ...


class TeamStore(Protocol):
    """Teams and their members. Names of teams are unique within the account, ignoring case."""

    async def create(
        self, account_id: str, team_id: str, name: str, description: str | None, by: Actor
    ) -> Team:
        """Raises Conflict, naming the team with the same name."""
        ...

    async def get(self, account_id: str, team_id: str) -> Team | None: ...

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[Team]:
        """Oldest first."""
        ...

    async def update(self, account_id: str, team_id: str, changes: dict[str, Any], by: Actor) -> Team | None:
        """`name`, `description`. Raises Conflict."""
        ...

    async def begin_deletion(self, account_id: str, team_id: str) -> bool:
        """Hide the team from lists and from assignment. May be repeated until the deletion is finished."""
        ...

    async def conversations(self, account_id: str, team_id: str) -> list[str]:
        """Ids of the team's conversations that are not closed or expired."""
        ...

    async def finish_deletion(self, account_id: str, team_id: str, by: Actor) -> None:
        """Delete a team whose deletion has begun, with its memberships."""
        ...

    async def members(
        self, account_id: str, team_id: str, after: Place | None, limit: int
    ) -> Page[TeamMember] | None:
        """In the order of joining; None if there is no such team."""
        ...

    async def add_member(
        self, account_id: str, team_id: str, user_id: str, by: Actor
    ) -> tuple[TeamMember, bool] | None:
        """The member, and whether they joined just now; None if there is no such team. Creates the agent if needed, as `ensure`
        does.
        """
        ...

    async def remove_member(self, account_id: str, team_id: str, user_id: str, by: Actor) -> bool: ...


class DraftStore(Protocol):
    """Drafts: one per agent and conversation."""

    async def put(
        self, account_id: str, conversation_id: str, user_id: str, content: str, is_private: bool
    ) -> Draft | None:
        """None if the conversation takes none: it is closed for good. Raises Conflict if the agent has too many."""
        ...

    async def of(self, account_id: str, conversation_id: str) -> list[Draft]:
        """The newest 100, the newest first."""
        ...

    async def delete(self, account_id: str, conversation_id: str, user_id: str) -> bool: ...


class CannedStore(Protocol):
    """Canned responses. Short codes are unique within the account, ignoring case."""

    async def create(self, response: CannedResponse, by: Actor) -> CannedResponse:
        """Raises Conflict, naming the response with the same short code."""
        ...

    async def get(self, account_id: str, response_id: str) -> CannedResponse | None: ...

    async def page(
        self, account_id: str, category: str | None, q: str | None, after: Place | None, limit: int
    ) -> Page[CannedResponse]:
        """Oldest first; `q` searches short codes, titles and contents."""
        ...

    async def update(
        self, account_id: str, response_id: str, changes: dict[str, Any], by: Actor
    ) -> CannedResponse | None:
        """`short_code`, `title`, `content`, `category`, `actions`. Raises Conflict."""
        ...

    async def delete(self, account_id: str, response_id: str, by: Actor) -> bool: ...
