"""Whom a note mentions, and who gets its event."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import ACCOUNT, NOW

from tertulia.core.accounts.agents_and_teams import Agent, folded
from tertulia.core.conversation.entries import Actor, Entry, Message
from tertulia.core.conversation.mentions import (
    KEY,
    MAX_MENTIONS,
    MAX_READINGS,
    mentioned,
    mentions_of,
    words_of,
)
from tertulia.core.views.stream_events import events_of

AGENTS = [
    Agent("u-1", "Abeba Kebede"),
    Agent("u-2", "Bruno"),
    Agent("ana@example.org", None),
    Agent("auth0|77", "Ünal"),
    Agent("u-5", "Bruno"),
    Agent("00000000-0000-0000-0000-000000000021", "Chen"),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("nobody here", []),
        ("@u-1 please look", ["u-1"]),
        ("please look, @u-1.", ["u-1"]),
        ("(@u-1)", ["u-1"]),
        ("@00000000-0000-0000-0000-000000000021, see", ["00000000-0000-0000-0000-000000000021"]),
        ("@auth0|77: yours", ["auth0|77"]),
        ("ask @ana@example.org!", ["ana@example.org"]),
        ("write to ana@example.org or x@u-1", []),
        ('@"Abeba Kebede" knows', ["u-1"]),
        ('@"abeba   KEBEDE"', ["u-1"]),
        ('@"Abeba Kebede', []),
        ("@Abeba", []),
        ("@chen's turn", ["00000000-0000-0000-0000-000000000021"]),
        ("@ünal and @ÜNAL", ["auth0|77"]),
        ("@Bruno", ["u-2", "u-5"]),
        ("@u-2 @u-1 @u-2", ["u-2", "u-1"]),
        ("@u-1,@u-2", ["u-1", "u-2"]),
        ("@@u-1 @ u-1 @", []),
        ("@stranger", []),
    ],
)
def test_who_is_named(text: str, ids: list[str]) -> None:
    assert list(mentioned(text, AGENTS)) == ids


handles = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30)


@given(st.text(max_size=300), st.lists(st.builds(Agent, handles, st.none() | handles), max_size=5))
def test_nobody_is_named_who_was_not_asked_for(text: str, agents: list[Agent]) -> None:
    """What is looked up is enough to tell who is meant: agents beyond it change nothing."""
    words = words_of(text)
    called = [
        a for a in agents if a.user_id in words.ids or (a.name is not None and folded(a.name) in words.names)
    ]
    assert mentioned(text, called) == mentioned(text, agents)
    assert len(words.names) <= len(words.ids) <= MAX_MENTIONS * MAX_READINGS


@given(handles, st.sampled_from([" ", ", ", "!", ")", "\n"]))
def test_an_agent_is_named_by_id_and_by_name(handle: str, after: str) -> None:
    assert mentioned(f"see @{handle}{after}", [Agent(handle, None)]) == (handle,)
    named = Agent("somebody", f"Ana {handle}")
    assert mentioned(f'see @"ana {handle}"{after}', [named]) == ("somebody",)


def test_a_text_of_nothing_but_mentions_is_bounded() -> None:
    agents = [Agent(f"u{n}", None) for n in range(200)]
    assert len(mentioned(" ".join(f"@u{n}" for n in range(200)), agents)) == MAX_MENTIONS
    assert len(mentioned("@x", [Agent(f"u{n}", "x") for n in range(200)])) == MAX_MENTIONS


def note(**fields: Any) -> Entry:
    message = Message("m", "outbound", "agent", "ana", "text", **{"is_private": True} | fields)
    return Entry(ACCOUNT, "c", 1, NOW, Actor("agent", "ana"), message)


def test_those_who_are_named_are_notified_with_the_note() -> None:
    said, *notices = events_of(note(metadata={KEY: ["u-1", "u-2", "u-1"]}))
    assert [(n.index, n.type, n.topics, n.public) for n in notices] == [
        (1, "notification:mention", ("user:u-1",), False),
        (2, "notification:mention", ("user:u-2",), False),
    ]
    assert all(n.data == said.data for n in notices) and not said.public


@pytest.mark.parametrize("stored", [None, [], "u-1", 7, {"u-1": 1}, [None, 1]])
def test_metadata_of_another_form_notify_nobody(stored: Any) -> None:
    assert [e.type for e in events_of(note(metadata={KEY: stored}))] == ["conversation:message"]


def test_a_public_message_mentions_nobody() -> None:
    entry = note(metadata={KEY: ["u-1"]}, is_private=False)
    assert isinstance(entry.data, Message)
    assert mentions_of(entry.data) == () and len(events_of(entry)) == 1
