"""Strategies: text as strangers make it, of the worst that is known, of what hypothesis makes up, and of both in one."""

from __future__ import annotations

from collections.abc import Mapping

from hostile import HTML, MAIL, TEXTS, Make
from hypothesis import strategies as st

MOST = 3_000
"""Characters of one piece. Growth is measured elsewhere; here it is what comes out that counts."""


def _of(makers: Mapping[str, Make]) -> st.SearchStrategy[str]:
    names = st.sampled_from(sorted(makers))
    return st.builds(lambda name, n: makers[name](n), names, st.integers(0, MOST))


def _mixed(piece: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(piece, max_size=6).map("".join)


characters = st.characters(exclude_categories=[])
"""Every character, halves of surrogate pairs too."""
made_up = st.text(characters, max_size=60)
texts = _mixed(_of(TEXTS) | made_up)
html = _mixed(
    _of(HTML) | _of(TEXTS) | made_up | st.sampled_from(["<pre>", "</pre>", "<p>", "<br>", "<a href='", ">"])
)
header = _mixed(_of(MAIL) | _of(TEXTS) | made_up)
