"""The keys of a web chat channel's `config` for sessions and the widget. Other keys of the config belong to the account."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from ..errors import Invalid
from ..text.field_errors import field_error
from ..text.fields import about

MAX_FIELDS: Final = 10
"""Fields of a form."""
MAX_VALUE: Final = 300
"""Characters that a customer may write into a form's field."""
FieldType = Literal["text", "email", "phone"]


class FormField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of a form that customers fill in before they write. The widget translates `name`, `email`, `phone` and `order`;
    other fields need a label."""

    name: Annotated[
        str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,49}$", max_length=50), about("The value's name", "email")
    ]
    label: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None,
        about("The label that customers read; null for the widget's default", "Order number"),
    ] = None
    type: Annotated[FieldType, about("The kind of value", "email")] = "text"
    required: Annotated[bool, about("Whether it must be filled in")] = False


Form = Annotated[tuple[FormField, ...], msgspec.Meta(max_length=MAX_FIELDS)]


class WidgetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The widget's appearance and forms. `prechat_form`: before the first message. `offline_form`: the same outside of the
    account's business hours; null for the usual one."""

    title: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None,
        about("The title in its header; null for the channel's name", "Café Tertulia"),
    ] = None
    greeting: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None,
        about("The greeting that a visitor reads first", "How can we help?"),
    ] = None
    color: Annotated[
        Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$", max_length=7)] | None,
        about("The colour of its button and header", "#7a3e2e"),
    ] = None
    attachments: Annotated[bool, about("Whether customers may send files")] = True
    prechat_form: Annotated[Form, about("The form shown before the first message", [])] = ()
    offline_form: Annotated[Form | None, about("The form shown outside business hours", [])] = None


class WebchatSettings(msgspec.Struct, frozen=True):
    """`require_identity`: only customers that the account identifies get a session."""

    require_identity: bool = False
    session_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 24
    widget: WidgetSettings = WidgetSettings()


_FIELDS: Final = WebchatSettings.__struct_fields__


def known(config: dict[str, Any]) -> WebchatSettings:
    """The settings in force. Stored ones that this version cannot read count as not set."""
    settings = WebchatSettings()
    for name in _FIELDS:
        if name in config:
            try:
                one = msgspec.convert({name: config[name]}, WebchatSettings)
            except msgspec.ValidationError:
                continue
            settings = msgspec.structs.replace(settings, **{name: getattr(one, name)})
    return settings


def check(config: dict[str, Any]) -> None:
    """Raises Invalid, with paths below `config`, for settings that cannot be read, and for forms that no customer could fill in."""
    try:
        settings = msgspec.convert(
            {name: config[name] for name in _FIELDS if name in config}, WebchatSettings
        )
    except msgspec.ValidationError as error:
        raise Invalid("the body is not valid", errors=(field_error(str(error), "config"),)) from None
    widget = settings.widget
    forms = {"prechat_form": widget.prechat_form, "offline_form": widget.offline_form or ()}
    for name, form in forms.items():
        seen: set[str] = set()
        for n, field in enumerate(form):
            path = f"config.widget.{name}[{n}]"
            if field.name in seen:
                raise Invalid("the body is not valid", errors=((f"{path}.name", "is given twice"),))
            if field.label is None and field.name not in TRANSLATED:
                raise Invalid("the body is not valid", errors=((f"{path}.label", "required for this name"),))
            seen.add(field.name)


TRANSLATED: Final = frozenset({"name", "email", "phone", "order"})
"""Fields that the widget has words for in each of its languages."""


def filled(form: dict[str, str], widget: WidgetSettings) -> dict[str, str]:
    """A customer's answers to a form, without the empty ones.

    Raises Invalid for fields that neither form of the channel has. Which ones are required is the widget's to ask: a message
    without its form is better than none.
    """
    fields = {f.name for f in (*widget.prechat_form, *(widget.offline_form or DEFAULT_OFFLINE))}
    unknown = tuple(
        (f"form.{name[:50]}", "is not a field of the channel's forms") for name in form if name not in fields
    )
    if unknown:
        raise Invalid("the body is not valid", errors=unknown)
    return {name: text for name, value in form.items() if (text := value.strip())}


DEFAULT_OFFLINE: Final = (FormField("name"), FormField("email", type="email", required=True))
"""The form outside of the business hours, unless the channel has its own."""
