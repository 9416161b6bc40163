"""A web chat channel's settings: what is refused, with its path, and what stored ones that cannot be read become."""

from __future__ import annotations

from typing import Any

import pytest

from tertulia.core.accounts import webchat_settings
from tertulia.core.accounts.webchat_settings import FormField, WidgetSettings
from tertulia.core.errors import Invalid

NAME = {"name": "name"}


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"require_identity": "yes"}, "config.require_identity"),
        ({"session_hours": 0}, "config.session_hours"),
        ({"session_hours": 721}, "config.session_hours"),
        ({"widget": {"colour": "#000000"}}, "config.widget.colour"),
        ({"widget": {"color": "red"}}, "config.widget.color"),
        ({"widget": {"color": "#12345\n"}}, "config.widget.color"),
        ({"widget": {"prechat_form": [NAME] * 11}}, "config.widget.prechat_form"),
        ({"widget": {"prechat_form": [NAME, NAME]}}, "config.widget.prechat_form[1].name"),
        ({"widget": {"offline_form": [{"name": "size"}]}}, "config.widget.offline_form[0].label"),
        ({"widget": {"prechat_form": [{"name": "Name"}]}}, "config.widget.prechat_form[0].name"),
        ({"widget": {"prechat_form": [{"name": "a", "type": "file"}]}}, "config.widget.prechat_form[0].type"),
        ({"widget": []}, "config.widget"),
    ],
)
def test_what_is_refused(config: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        webchat_settings.check(config)
    assert [at for at, _ in refused.value.errors] == [path]


def test_other_keys_are_the_accounts_own() -> None:
    webchat_settings.check({"anything": {"at": ["all"]}})


def test_stored_settings_that_cannot_be_read_count_as_not_set() -> None:
    stored = {"session_hours": "many", "require_identity": True, "widget": {"title": "Shop"}}
    known = webchat_settings.known(stored)
    assert (known.session_hours, known.require_identity, known.widget.title) == (24, True, "Shop")
    assert webchat_settings.known({"widget": {"title": 1}}).widget == WidgetSettings()


def test_a_filled_form_has_the_channels_fields_alone() -> None:
    widget = WidgetSettings(prechat_form=(FormField("order"),))
    assert webchat_settings.filled({"order": " A-1 ", "name": "  ", "email": "a@b.c"}, widget) == {
        "order": "A-1",
        "email": "a@b.c",
    }
    with pytest.raises(Invalid) as refused:
        webchat_settings.filled({"order": "1", "size": "XL"}, widget)
    assert [at for at, _ in refused.value.errors] == ["form.size"]
