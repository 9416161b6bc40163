"""Mentions in internal notes: `@user_id`, `@name`, or `@"a name with spaces"`.

`words_of` says which agents to look up, and `mentioned` which of those found are meant. The ids are stored in the note's
`metadata.mentions`, so a replay notifies the same people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from ..accounts.agents_and_teams import Agent, folded
from .entries import Message

KEY = "mentions"
"""Key in a private message's metadata."""
MAX_MENTIONS = 50
"""People that one note may mention, and places in it that are examined."""
MAX_READINGS = 16
"""Ways to read one place: `@ana's` may mean `ana's` or `ana`."""
MAX_WORD = 255

# after a letter or another @ it is an address or an emoticon, not a mention; the match takes only the @, as the text that follows
# may contain the next one
_PLACE = re.compile(rf'(?<![\w@])@(?=(?:"([^"\n]{{1,{MAX_WORD}}})"|([^\s"@][^\s"]{{0,{MAX_WORD - 1}}})))')
_WORD_END = re.compile(r"(?<=\w)(?!\w)")


class Words(msgspec.Struct, frozen=True):
    """The ids, and the names as `folded` returns them, by which a text may mention agents."""

    ids: list[str]
    names: list[str]


def words_of(text: str) -> Words:
    """Every id and name that the text may mention."""
    readings = dict.fromkeys(reading for place in _places(text) for reading in place)
    return Words(list(readings), list(dict.fromkeys(map(folded, readings))))


def mentioned(text: str, agents: Iterable[Agent]) -> tuple[str, ...]:
    """The ids of the agents that `text` mentions, in order, each once.

    At each place the longest reading that belongs to an agent counts, ids before names. A name shared by several agents mentions
    all of them.
    """
    ids: set[str] = set()
    names: dict[str, list[str]] = {}
    for agent in agents:
        ids.add(agent.user_id)
        if agent.name is not None:
            names.setdefault(folded(agent.name), []).append(agent.user_id)
    found: dict[str, None] = {}
    for place in _places(text):
        for reading in place:
            meant = [reading] if reading in ids else names.get(folded(reading))
            if meant:
                found |= dict.fromkeys(meant)
                break
    return tuple(found)[:MAX_MENTIONS]


def mentions_of(message: Message) -> tuple[str, ...]:
    """The ids stored with a note. A public message mentions nobody, whatever its metadata says."""
    stored = message.metadata.get(KEY) if message.is_private else None
    if not isinstance(stored, list):
        return ()
    return tuple(dict.fromkeys(i for i in stored if isinstance(i, str)))[:MAX_MENTIONS]


def _places(text: str) -> Iterator[list[str]]:
    """For each `@`, its possible readings, the longest first."""
    for number, place in enumerate(_PLACE.finditer(text)):
        if number == MAX_MENTIONS:
            return
        quoted, word = place.groups()
        yield [quoted] if quoted is not None else _readings(word)


def _readings(word: str) -> list[str]:
    """A word as written, and cut at each of its word ends: without punctuation, without a possessive."""
    ends = [end.start() for end in _WORD_END.finditer(word)][: MAX_READINGS - 1]
    return list(dict.fromkeys([word, *(word[:end] for end in reversed(ends))]))
