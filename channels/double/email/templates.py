"""Postmark's errors, and its templates: https://postmarkapp.com/developer/api/templates-api. Of their language, variables: `{{ order.id }}`."""

from __future__ import annotations

import html
import re
from typing import Any, Final

from ..model import MAX_TEMPLATES, Channel
from ..provider import Refusal

_VARIABLE: Final = re.compile(r"\{\{\{?\s*([A-Za-z0-9_.]+)\s*\}?\}\}")
_TEXTS: Final = ("Name", "Subject", "HtmlBody", "TextBody", "Alias")

Fields = dict[str, Any]


def refused(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """https://postmarkapp.com/developer/api/overview#error-codes"""
    return Refusal(status, {"ErrorCode": code, "Message": message}, headers)


def filled(channel: Channel, mail: Fields) -> Fields:
    """A mail whose subject and bodies a template makes. Raises Refusal."""
    template = one(channel, mail.get("TemplateId") or mail.get("TemplateAlias"))
    model = mail.get("TemplateModel", {})
    if not isinstance(model, dict):
        raise refused(422, 403, "'TemplateModel' must be an object.")
    made = {
        name: _filled(template[name], model, escape=name == "HtmlBody")
        for name in ("Subject", "HtmlBody", "TextBody")
        if template.get(name)
    }
    rest = {
        key: value for key, value in mail.items() if not key.startswith("Template") and key != "InlineCss"
    }
    return {**made, **rest}


def _filled(text: str, model: Fields, *, escape: bool) -> str:
    def value(found: re.Match[str]) -> str:
        at: Any = model
        for name in found[1].split("."):
            at = at.get(name) if isinstance(at, dict) else None
        said = "" if at is None else str(at)
        return html.escape(said) if escape and not found[0].startswith("{{{") else said

    return _VARIABLE.sub(value, text)


def one(channel: Channel, name: Any) -> Fields:
    """A template by its number or its alias. Raises Refusal."""
    number = int(name) if isinstance(name, str) and name.isdecimal() else name
    found = channel.templates.get(number) if isinstance(number, int) else None
    if found is None:
        found = next((t for t in channel.templates.values() if name and t["Alias"] == name), None)
    if found is None:
        raise refused(
            422, 1101, "The 'TemplateId' or alias associated with this request is not valid or was not found."
        )
    return found


def saved(channel: Channel, fields: Fields, known: Fields | None = None) -> Fields:
    """Make a template, or change one. Raises Refusal."""
    given = {name: fields[name] for name in _TEXTS if fields.get(name) is not None}
    if not all(isinstance(value, str) for value in given.values()):
        raise refused(422, 403, "A template's fields must be text.")
    whole = {**(known or dict.fromkeys(_TEXTS)), **given}
    if not whole["Name"] or not whole["Subject"]:
        raise refused(422, 1109, "A template needs a Name and a Subject.")
    if not whole["HtmlBody"] and not whole["TextBody"]:
        raise refused(422, 1105, "A template needs a HtmlBody or a TextBody.")
    others = (
        t for t in channel.templates.values() if known is None or t["TemplateId"] != known["TemplateId"]
    )
    if whole["Alias"] and any(t["Alias"] == whole["Alias"] for t in others):
        raise refused(422, 1122, "The Alias is used by another template.")
    if known is None and len(channel.templates) >= MAX_TEMPLATES:
        raise refused(422, 1104, f"A server has at most {MAX_TEMPLATES} templates.")
    number = known["TemplateId"] if known else channel.number()
    about = {
        "TemplateId": number,
        "AssociatedServerId": 1,
        "Active": True,
        "TemplateType": "Standard",
        "LayoutTemplate": None,
    }
    channel.templates[number] = whole | about
    return channel.templates[number]


def summary(template: Fields) -> Fields:
    names = ("TemplateId", "Name", "Alias", "Active", "TemplateType", "LayoutTemplate")
    return {name: template[name] for name in names}
