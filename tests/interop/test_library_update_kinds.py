"""The table of Telegram's updates knows every one that a library of today knows."""

from __future__ import annotations

import pytest

aiogram = pytest.importorskip("aiogram.types", reason="make interop installs it")


def test_telegrams_updates_are_all_in_the_table() -> None:
    import update_kinds

    assert set(aiogram.Update.model_fields) - {"update_id"} <= set(update_kinds.TELEGRAM_UPDATES)
