"""The shadow policies of a supervisor: kept while nothing was missed, bounded, and harmless whatever happens to them."""

from __future__ import annotations

from typing import Any, cast

from office import NOW, Office, conversation
from structlog.testing import capture_logs

from tertulia.actors.supervisor.account.shadow_policies import MAX_KEPT, ShadowPolicies
from tertulia.core.routing.rules import Observer

FENCE = (3, 1)


def follow(
    shadows: ShadowPolicies, rule: Any = "longest_idle", account: str = "a", fence: tuple[int, int] = FENCE
) -> Observer:
    found = shadows.observer(account, fence, rule, NOW)
    assert found is not None
    return found


def decided(shadows: ShadowPolicies, account: str = "a") -> int | None:
    found = shadows.figures(account)
    return None if found is None else found.decisions


def test_counts_go_on_while_the_policy_and_the_supervisor_stay() -> None:
    shadows, office = ShadowPolicies(), Office()
    office.agent("ana")
    office.desk.board.observer = follow(shadows)
    office.arrive("one")
    assert follow(shadows) is office.desk.board.observer
    office.arrive("two")
    assert decided(shadows) == 2 and shadows.totals() == (2, 2)
    follow(shadows, "most_idle")
    assert decided(shadows) == 0, "another policy"
    office.desk.board.observer = follow(shadows, "most_idle")
    office.arrive("three")
    assert decided(shadows) == 1
    follow(shadows, "most_idle", fence=(3, 2))
    assert decided(shadows) == 0, "another supervisor had the account meanwhile"
    assert shadows.observer("a", FENCE, None, NOW) is None
    assert decided(shadows) is None and decided(shadows, "b") is None and shadows.totals() == (0, 0)


def test_a_fault_of_a_shadow_is_its_own() -> None:
    shadows, office = ShadowPolicies(), Office()
    office.agent("ana")
    office.desk.board.observer = observer = follow(shadows)
    with capture_logs() as logs:
        observer.decided(cast(Any, None), conversation("x"), cast(Any, None), 0, NOW)
        assert office.arrive("one") == "ana"
    assert [entry["event"] for entry in logs] == ["shadow_policy_failed"], "said once"


def test_shadows_are_bounded() -> None:
    shadows = ShadowPolicies()
    for n in range(MAX_KEPT + 1):
        follow(shadows, account=str(n))
    assert (
        decided(shadows, "0") is None and decided(shadows, "1") == 0 and decided(shadows, str(MAX_KEPT)) == 0
    )
