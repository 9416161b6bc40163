"""From an account's settings to its routing policy, and to its conversations as the queue sees them."""

from __future__ import annotations

from typing import Any

import msgspec
from office import HOUR, NOW

from tertulia.core.accounts.account_settings import AccountSettings, merge_settings
from tertulia.core.accounts.business_hours import MINUTE
from tertulia.core.conversation.state import Conversation, Fired, LastHeld, RoutingState
from tertulia.core.routing.facts import HEAD_START, Overflow, Policy, Relaxation, Waiting
from tertulia.core.routing.policy import policy_of, waiting_of


def test_the_defaults_are_the_same() -> None:
    assert policy_of(AccountSettings()) == Policy()
    assert policy_of(AccountSettings()).head_start == HEAD_START


def test_every_setting_arrives() -> None:
    given = {
        "routing": {
            "relax": [{"after_minutes": 5, "drop": "topics"}],
            "overflow": {"after_minutes": 3, "team_id": "second"},
            "head_start_minutes": {"urgent": 120},
        },
        "offer_timeout_s": 45,
    }
    policy = policy_of(msgspec.convert(merge_settings({}, given), AccountSettings))
    assert policy.steps == (Relaxation(5 * MINUTE, "topics"), Overflow(3 * MINUTE, "second"))
    assert policy.head_start["urgent"] == 120 * MINUTE
    assert policy.offer_timeout == 45_000


def waiting(hours: int, served: LastHeld | None, own: LastHeld | None = None, **fields: Any) -> Waiting:
    c = Conversation(
        "c", "a", "ch", "webchat", "k", "+1", NOW, NOW, NOW, routing=RoutingState(last=own), **fields
    )
    settings = msgspec.convert(merge_settings({}, {"routing": {"sticky_hours": hours}}), AccountSettings)
    return waiting_of(c, settings, served)


def test_who_is_preferred_for_a_conversation() -> None:
    ana, ben = LastHeld("ana", NOW - HOUR), LastHeld("ben", NOW)
    assert (waiting(0, ana).sticky_agent, waiting(2, None).sticky_agent) == (None, None)
    w = waiting(2, ana)
    assert (w.sticky_agent, w.sticky_until) == ("ana", NOW + HOUR)
    assert waiting(2, ben, ana).sticky_agent == "ana", "its own agent first"
    assert waiting(1, ben, ana).sticky_agent == "ben", "unless that is too long ago"
    reopened = Fired(reopened_at=NOW + HOUR)
    assert waiting(2, ben, ana, fired=reopened).sticky_agent == "ben", "by when it was opened again"


def test_a_conversation_as_the_queue_sees_it() -> None:
    w = waiting(0, None, labels=("Billing",), metadata={"language": "DE-at"}, bot_context={"language": "en"})
    assert (w.topics, w.language, w.strategy) == ({"billing"}, "de", "least_busy")
