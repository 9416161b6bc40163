"""From an account's settings to its policy of routing."""

from __future__ import annotations

import msgspec

from tertulia.core.hours import MINUTE
from tertulia.core.routing.facts import HEAD_START, Overflow, Policy, Relaxation
from tertulia.core.routing.policy import policy_of
from tertulia.core.settings import AccountSettings, merge_settings


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
        "presence_grace_s": 0,
    }
    policy = policy_of(msgspec.convert(merge_settings({}, given), AccountSettings))
    assert policy.steps == (Relaxation(5 * MINUTE, "topics"), Overflow(3 * MINUTE, "second"))
    assert policy.head_start["urgent"] == 120 * MINUTE
    assert (policy.offer_timeout, policy.presence_grace) == (45_000, 0)
