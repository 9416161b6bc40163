from uuid import UUID

import msgspec
import pytest

from tertulia.core.accounts.principal import ALL_PERMISSIONS, PERMISSIONS, Principal, Role
from tertulia.core.errors import Forbidden

ACCOUNT, CHANNEL = str(UUID(int=1)), str(UUID(int=2))


def principal(role: Role) -> Principal:
    bound = role is Role.CUSTOMER
    return Principal(
        account_id=ACCOUNT,
        role=role,
        user_id="u",
        expires_at=100.0,
        channel_id=CHANNEL if bound else None,
        contact_identifier="c" if bound else None,
    )


# api.md, the roles' table: role → (has, has not)
CARD = {
    Role.AGENT: (
        {"inbox.read", "message.write", "note.write", "conversation.claim", "conversation.update", "me"},
        {"conversation.assign_others", "queue.read", "reports.read", "teams.manage", "channels.manage"},
    ),
    Role.LEAD: (
        {"me", "conversation.assign_others", "queue.read", "teams.manage", "canned.manage", "reports.read"},
        {
            "channels.manage",
            "bot_rules.manage",
            "account.manage",
            "clients.manage",
            "audit.read",
            "contacts.erase",
        },
    ),
    Role.ADMIN: (
        {"me", "channels.manage", "bot_rules.manage", "account.manage", "clients.manage", "audit.read"}
        | {"contacts.erase", "contacts.export", "conversation.assign_others"},
        {"message.as_any_sender", "webhooks.work", "webchat.write"},
    ),
    Role.SERVICE: (
        {
            "inbox.read",
            "message.write",
            "message.as_any_sender",
            "conversation.assign_others",
            "webhooks.work",
        },
        {"me", "conversation.claim", "channels.manage", "account.manage", "clients.manage", "audit.read"},
    ),
    Role.CUSTOMER: (
        {"streams.read", "webchat.read", "webchat.write", "csat.write", "conversation.read", "message.write"},
        {"me", "inbox.read", "note.write", "message.as_any_sender", "conversation.update"}
        | {"conversation.claim", "contacts.read", "agents.read"},
    ),
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_what_the_table_of_the_api_says(role: Role) -> None:
    who, (has, lacks) = principal(role), CARD[role]
    for permission in has:
        who.require(permission)
    for permission in lacks:
        with pytest.raises(Forbidden, match=role.value):
            who.require(permission)


def test_staff_roles_nest_and_every_role_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.AGENT] < PERMISSIONS[Role.LEAD] < PERMISSIONS[Role.ADMIN]


def test_a_permission_nobody_has_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        principal(Role.ADMIN).require("inbox.raed")
    assert all(p.replace(".", "").replace("_", "").isalpha() for p in ALL_PERMISSIONS)


@pytest.mark.parametrize("role", list(Role))
def test_exactly_customers_are_bound_to_a_thread(role: Role) -> None:
    who = principal(role)
    with pytest.raises(ValueError):
        msgspec.structs.replace(who, contact_identifier=None if role is Role.CUSTOMER else "c")


@pytest.mark.parametrize("role", list(Role))
def test_a_principal_survives_the_wire(role: Role) -> None:
    who = principal(role)
    assert msgspec.json.decode(msgspec.json.encode(who), type=Principal) == who
    with pytest.raises(AttributeError):
        who.role = Role.ADMIN  # type: ignore[misc]


def test_staff() -> None:
    assert [r for r in Role if principal(r).is_staff] == [Role.AGENT, Role.LEAD, Role.ADMIN]
