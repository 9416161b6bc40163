"""Deceptive ids and names."""

from __future__ import annotations

import re
import unicodedata

import pytest

from tertulia.core.accounts.user_ids import NAME_PATTERN, is_user_id, shown_name


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "0190…".replace("…", "-1"),
        "auth0|62f",
        "o'brien+x@example.com",
        "Ana Silva",
        "משה",
        "山田",
        "x" * 255,
    ],
)
def test_ids_of_identity_providers_are_good(text: str) -> None:
    assert is_user_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            " ana",
            "ana ",
            "a\nb",
            "a\x00b",
            "<b>ana</b>",
            "a\u202eb",
            "a\u2066b",
            "a\u200bb",
            "a\u2028b",
        ),
        *("a\u00a0b", "a\ud800", "\ufeffana", "x" * 256),
    ],
)
def test_ids_that_cannot_be_read_are_none(text: str) -> None:
    assert not is_user_id(text)


def test_no_character_of_the_deceptive_categories_is_in_an_id() -> None:
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            assert not is_user_id(f"a{chr(code)}a"), hex(code)


def test_names_lose_what_deceives_and_nothing_else() -> None:
    assert shown_name("ana\u202ecod.exe\x07\n") == "anacod.exe"
    assert shown_name("\u2066\u2069") is None and shown_name(None) is None
    for blank in ("", " ", "\u200b", "\u200b \u2800", "\u3164\u3164", "\ufe0f", "\u00ad\ufeff"):
        assert shown_name(blank) is None
    for name in ("Ana 👩‍💻", "‏משה‏", "علی‌رضا", "O'Brien <3"):
        assert shown_name(name) == name and re.search(NAME_PATTERN, name)
    for name in ("a\u202eb", "a\nb", "a\x00", "ab\n"):
        assert not re.search(NAME_PATTERN, name)
