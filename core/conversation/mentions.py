"""Who is named in an internal note: `@user_id`, `@name`, or `@"a name with spaces"`.

Pure: `words_of` says which agents to look up, `mentioned` which of those found are meant. The ids are kept in the note's
`metadata.mentions`, so that a replay tells the same people as the note did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from ..accounts.agents_and_teams import Agent, folded
from .entries import Message

KEY = "mentions"
"""Of a private message's metadata."""
MAX_MENTIONS = 50
"""People of one note, and places in it that are looked at."""
MAX_READINGS = 16
"""Ways to read one place: `@ana's` may mean `ana's` or `ana`."""
MAX_WORD = 255

# after a letter or another @ it is an address or an emoticon, not a call; the match takes only the @, so that what follows
# may hold the next one
_PLACE = re.compile(rf'(?<![\w@])@(?=(?:"([^"\n]{{1,{MAX_WORD}}})"|([^\s"@][^\s"]{{0,{MAX_WORD - 1}}})))')
_WORD_END = re.compile(r"(?<=\w)(?!\w)")


class Words(msgspec.Struct, frozen=True):
    """What a text may call agents by: their ids, and their names as `folded` has them."""

    ids: list[str]
    names: list[str]


def words_of(text: str) -> Words:
    """Everything that an agent of this id or name would be mentioned by."""
    readings = dict.fromkeys(reading for place in _places(text) for reading in place)
    return Words(list(readings), list(dict.fromkeys(map(folded, readings))))


def mentioned(text: str, agents: Iterable[Agent]) -> tuple[str, ...]:
    """The ids of the agents that `text` names, in its order, each once.

    At each place the longest reading that is somebody's counts, an id before a name. A name that several have means all of
    them.
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
    """The ids that a note names, as stored with it. A public message mentions nobody, whatever its metadata say."""
    stored = message.metadata.get(KEY) if message.is_private else None
    if not isinstance(stored, list):
        return ()
    return tuple(dict.fromkeys(i for i in stored if isinstance(i, str)))[:MAX_MENTIONS]


def _places(text: str) -> Iterator[list[str]]:
    """For each `@`, what it may name, the longest first."""
    for number, place in enumerate(_PLACE.finditer(text)):
        if number == MAX_MENTIONS:
            return
        quoted, word = place.groups()
        yield [quoted] if quoted is not None else _readings(word)


def _readings(word: str) -> list[str]:
    """A word as it stands, and without what follows each of its word ends: punctuation, a possessive."""
    ends = [end.start() for end in _WORD_END.finditer(word)][: MAX_READINGS - 1]
    return list(dict.fromkeys([word, *(word[:end] for end in reversed(ends))]))
