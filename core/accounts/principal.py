"""The principal that a request or a stream acts as, and what each role may do.

Owns the table of permissions; a route names one permission and calls `Principal.require`. Whether a *particular* object may be
touched (its account, its assignee, a customer's own conversation) is checked where the object is known, never here.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from ..errors import Forbidden


class Role(enum.StrEnum):
    """The roles that a token's `accounts` claim may name."""

    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"
    SERVICE = "service"
    CUSTOMER = "customer"


SERVICE, CUSTOMER = Role.SERVICE, Role.CUSTOMER
"""For code that runs with every request: until Python 3.12, finding a member through its class costs 0.2 µs."""

_AGENT: Final = frozenset(
    {
        "me",  # own preferences, presence, offers: every route under /me
        "inbox.read",  # every conversation of the account, in lists
        "conversation.read",  # one conversation, its messages and entries
        "streams.read",
        "message.write",
        "note.write",
        "deliveries.retry",  # send again what could not be delivered
        "conversation.create",
        "conversation.update",  # status, priority, labels, subject, metadata, snooze, archive
        "conversation.claim",  # assign to oneself, accept, decline, release, take over
        "conversation.handoff",
        "contacts.read",
        "contacts.write",
        "agents.read",
        "teams.read",
        "canned.read",  # and render
        "suggestions.use",  # drafts and analyses by language models: ask for, approve, reject
        "articles.read",
    }
)

_LEAD: Final = _AGENT | {
    "conversation.assign_others",
    "queue.read",
    "agents.manage",  # other agents' preferences
    "teams.manage",
    "canned.manage",
    "articles.manage",
    "contacts.merge",
    "reports.read",
}

_ADMIN: Final = _LEAD | {
    "channels.manage",
    "bot_rules.manage",
    "agents.remove",
    "account.read",
    "account.manage",
    "clients.manage",
    "event_webhooks.manage",
    "contacts.erase",
    "contacts.export",
    "audit.read",
}

_SERVICE: Final = frozenset(
    {
        "inbox.read",
        "conversation.read",
        "streams.read",
        "message.write",
        "message.as_any_sender",
        "note.write",
        "deliveries.retry",
        "conversation.create",
        "conversation.update",
        "conversation.expire",
        "conversation.handoff",
        "conversation.assign_others",
        "contacts.read",
        "contacts.write",
        "contacts.merge",
        "agents.read",
        "teams.read",
        "canned.read",
        "suggestions.use",
        "articles.read",
        "queue.read",
        "reports.read",
        "account.read",
        "csat.write",
        "webchat.vouch",  # open a session for a customer that it knows
        "webhooks.work",
    }
)

_CUSTOMER: Final = frozenset(
    {
        "streams.read",
        "webchat.read",
        "webchat.write",
        "csat.write",
        "conversation.read",  # its own, without what is internal
        "message.write",
    }
)

PERMISSIONS: Final[dict[Role, frozenset[str]]] = {
    Role.AGENT: _AGENT,
    Role.LEAD: _LEAD,
    Role.ADMIN: _ADMIN,
    Role.SERVICE: _SERVICE,
    Role.CUSTOMER: _CUSTOMER,
}
"""Role → its permissions. Staff roles include each other; `service` and `customer` are separate, and neither has `me`."""

ALL_PERMISSIONS: Final = frozenset().union(*PERMISSIONS.values())


class Principal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An identity in an account, from a verified token.

    `user_id` is the token's `sub` (an agent's id, a service's client id, a customer's session id);
    `expires_at` is the token's `exp` in epoch seconds, without leeway: a stream ends then.
    `name` is the token's claim of that name, for members of the team.
    `channel_id` and `contact_identifier` are set only for customers, and name their only thread.
    """

    account_id: str
    role: Role
    user_id: str
    expires_at: float
    token_id: str | None = None
    channel_id: str | None = None
    contact_identifier: str | None = None
    contact_name: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        bound = self.channel_id is not None and self.contact_identifier is not None
        unbound = self.channel_id is None and self.contact_identifier is None
        if not (bound if self.role is Role.CUSTOMER else unbound):
            raise ValueError("customers, and only they, are bound to a channel and a contact identifier")

    @property
    def is_staff(self) -> bool:
        """Whether it is a person who answers customers: agent, lead or admin."""
        return self.role not in (Role.SERVICE, Role.CUSTOMER)

    def may(self, permission: str) -> bool:
        """Whether the role has the permission. Raises KeyError for an unknown permission, as that is a bug."""
        if permission in PERMISSIONS[self.role]:
            return True
        if permission not in ALL_PERMISSIONS:
            raise KeyError(permission)
        return False

    def require(self, permission: str) -> None:
        """Raises Forbidden unless the role has the permission."""
        if not self.may(permission):
            raise Forbidden(f"role {self.role.value} lacks the permission {permission}")
