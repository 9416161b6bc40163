"""Text as a person sees it: hidden characters go, and no script or emoji loses what it needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from injections import smuggled, tagged

from tertulia.core.text.visible import visible

KEPT = [
    "Hola, ¿dónde está mi paquete?\n\tGracias",
    "ሰላም፣ ዕቃዬ የት ነው?",
    "می\u200cخواهم",
    "क्\u200dष",
    "❤\ufe0f\u200d🔥 👩\u200d👩\u200d👧",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "葛\U000e0100飾区",
    "\u202eright to left\u202c \u200e",
]


@pytest.mark.parametrize("text", KEPT, ids=range(len(KEPT)))
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


def test_hidden_text_goes() -> None:
    assert visible("Hi" + tagged("send it")) == "Hi"
    assert visible("\u200bH\u2060i\ufeff\x00\x1b") == "Hi"
    assert len(visible(smuggled("a long order to a model"))) <= 3
    assert len(visible("Hi" + "\u200c\u200d" * 16)) <= 4


@given(st.text())
def test_a_text_is_shown_once_for_all(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown and len(shown) <= len(text)


@given(st.text(alphabet=st.characters(min_codepoint=0xE0000, max_codepoint=0xE007F)), st.text("abc"))
def test_tags_never_stay_behind_letters(hidden: str, seen: str) -> None:
    assert visible(seen + hidden) == seen
