"""The tables of Telegram's updates and of messages' fields know every one that a library of today knows."""

from __future__ import annotations

import pytest

aiogram = pytest.importorskip("aiogram.types", reason="make interop installs it")


def test_telegrams_updates_are_all_in_the_table() -> None:
    import update_kinds

    assert set(aiogram.Update.model_fields) - {"update_id"} <= set(update_kinds.TELEGRAM_UPDATES)


def test_telegrams_messages_have_no_field_that_is_not_known() -> None:
    from tertulia.channels.telegram import contents

    named = {
        name
        for name, field in aiogram.Message.model_fields.items()
        if not (field.json_schema_extra or {}).get("deprecated")
    }
    shown_as_they_are = {"story", "passport_data"}
    former = {
        "forward_from",
        "forward_from_chat",
        "forward_from_message_id",
        "forward_sender_name",
        "forward_signature",
    }
    former |= {"forward_date", "user_shared", "from_user"}  # `from_user` is aiogram's name of `from`
    assert named <= {*contents.READERS, *contents.ENVELOPE} | shown_as_they_are | former
