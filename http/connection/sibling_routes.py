"""Keeps a parameter of one route's path from matching the name of a sibling: `stats` is not an id of a conversation.

aiohttp tries one resource after the other. If the method does not fit the one that a path names, the next one with a parameter at that place
would serve the request, or add its methods to the `Allow` of the 405.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..framework.endpoint import Route

_PLAIN = re.compile(r"\{(\w+)\}")


def literal_segments(routes: Iterable[Route]) -> dict[str, set[str]]:
    """A path's prefix → the literal segments that routes have after it."""
    found: dict[str, set[str]] = {}
    for route in routes:
        before = ""
        for segment in route.path.split("/")[1:]:
            if "{" not in segment:
                found.setdefault(before, set()).add(segment)
            before += "/" + _PLAIN.sub("{}", segment)
    return found


def without_siblings(path: str, literals: Mapping[str, set[str]]) -> str:
    """A route's path whose last segment, if it is a parameter, matches none of its literal siblings."""
    before, _, last = path.rpartition("/")
    names = sorted(literals.get(_PLAIN.sub("{}", before), ()))
    if not names or not (found := _PLAIN.fullmatch(last)):
        return path
    return f"{before}/{{{found[1]}:(?!(?:{'|'.join(map(re.escape, names))})$)[^{{}}/]+}}"
