"""Policies as files: what is wrong is named with its path, and what a policy changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tertulia.core.routing.facts import Overflow, Policy, Preferences, Relaxation, Waiting
from tertulia.core.routing.rules import OWN
from tertulia.planning.policy_file import PolicyError, check_names, load, parsed

WRONG = {
    "": "name: is missing",
    "name = ": "not TOML",
    'name = ""': "name:",
    'name = "x"\nagents = "cleverest"': 'agents: must be one of fastest_first, least_busy, longest_idle, most_idle, recorded, round_robin, not "cleverest"',
    'name = "x"\nqueue = "newest"': "queue:",
    'name = "x"\nsurprise = 1': "surprise: unknown field",
    'name = "x"\nsticky = "long"': "sticky: must be a time such as",
    'name = "x"\n[[capacity]]\nmaximum = -1': "capacity[0].maximum",
    'name = "x"\n[[capacity]]\nmaximum = 1\n[[capacity]]\nteam = "a"': "capacity[1]: give either maximum or factor",
    'name = "x"\n[[staffing]]\nat = "1h"': "staffing[0]: give either add or remove",
    'name = "x"\n[[staffing]]\nadd = 1': "staffing[0].like: says which agent",
    'name = "x"\n[[staffing]]\nremove = ["a"]\nlasts = 0': "staffing[0].lasts: must be above 0",
    'name = "x"\n[[costs]]\nweight = 2': 'costs: are for queue = "generalised_cmu"',
    'name = "x"\n[threshold]\nkeep_free = 1\nreserved_for = []': "threshold.reserved_for",
    'name = "x"\n[threshold]\nkeep_free = 1\nreserved_for = [{priority = "vip"}]': "threshold.reserved_for[0].priority",
    'name = "x"\n[routing]\nhead_start = {vip = 1}': "routing.head_start",
    'name = "x"\n[routing]\nrelax = [{after = "1m", drop = "hope"}]': "routing.relax[0].drop",
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_names_the_field(text: str) -> None:
    with pytest.raises(PolicyError) as error:
        parsed(text)
    assert str(error.value).startswith(WRONG[text]), error.value


def test_a_file_is_named_in_its_errors(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    with pytest.raises(PolicyError, match=r"policy.toml cannot be read"):
        load(file)
    file.write_text('name = "x"\nagents = 3')
    with pytest.raises(PolicyError, match=r"policy.toml: agents: "):
        load(file)
    file.write_text('name = "x"')
    assert load(file).name == "x"


def test_agents_and_teams_must_be_the_record_s() -> None:
    policy = parsed(
        'name = "x"\n[[capacity]]\nteam = "gone"\nmaximum = 1\n[[staffing]]\nremove = ["ana", "zoe"]\n'
        '[[staffing]]\nadd = 1\nlike = "yan"'
    )
    with pytest.raises(PolicyError) as error:
        check_names(policy, {"ana"}, {"here"})
    for part in (
        "capacity[0].team: no agent of team 'gone'",
        "staffing[0].remove[1]: no agent 'zoe'",
        "staffing[1].like: no agent 'yan'",
    ):
        assert part in str(error.value)
    check_names(policy, {"ana", "zoe", "yan"}, {"gone"})


def test_what_is_left_out_stays_as_recorded() -> None:
    w = Waiting(
        id="c",
        waiting_since=1,
        channel_type="sms",
        strategy="round_robin",
        sticky_agent="ana",
        sticky_until=9,
    )
    p, settings = (
        Preferences(maximum=3, teams=frozenset({"a"})),
        Policy(steps=(Overflow(5, "t"),), offer_timeout=7),
    )
    empty = parsed('name = "x"')
    assert empty.rules(lambda agent, w: 1.0) is OWN
    assert (empty.waiting(w), empty.preferences("ana", p), empty.policy(settings)) == (w, p, settings)


def test_what_it_changes() -> None:
    policy = parsed(
        'name = "x"\nagents = "longest_idle"\nsticky = 0\n'
        '[routing]\nauto_accept = true\noffer_timeout = "10s"\nhead_start = {urgent = "2h"}\nrelax = [{after = "1m", drop = "team"}]\n'
        '[[capacity]]\nfactor = 1.5\n[[capacity]]\nteam = "a"\nmaximum = 9'
    )
    w = policy.waiting(
        Waiting(id="c", waiting_since=1, channel_type="sms", strategy="manual_queue", sticky_agent="ana")
    )
    assert (w.strategy, w.sticky_agent) == ("least_busy", None)
    settings = policy.policy(Policy(steps=(Relaxation(1, "topics"), Overflow(5, "t"))))
    assert settings.steps == (Relaxation(60_000, "team"), Overflow(5, "t"))
    assert (settings.offer_timeout, settings.head_start["urgent"], settings.head_start["low"]) == (
        10_000,
        7_200_000,
        0,
    )
    both = [policy.preferences("ana", Preferences(maximum=4, teams=frozenset(t))) for t in ("a", "b")]
    assert [(p.maximum, p.auto_accept) for p in both] == [(9, True), (6, True)]


def test_the_guide_s_policy_is_one() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "planning.md").read_text()
    (text,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    policy = parsed(text)
    assert policy.queue == "generalised_cmu" and [s.add for s in policy.staffing] == [2, None]
