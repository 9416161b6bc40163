"""Attachments of messages: which ones a message may name, and how they are stored in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from ...core.accounts.principal import Principal, Role
from ...core.channels.file_types import safe_name
from ...core.channels.records import StoredAttachment
from ...core.channels.signed_urls import BASE, id_of, path_of
from ...core.conversation.entries import Attachment
from ...core.errors import Invalid
from ..framework.endpoint import Call

MAX_URL = 2048


async def described(
    call: Call[Any], attachments: Sequence[Attachment]
) -> tuple[tuple[Attachment, ...], list[str]]:
    """A message's attachments as stored in it, and the ids of those on this server.

    Attachments on this server get name, type and size from their record; external files stay as given. Raises Invalid, naming each
    that does not exist or is not valid.
    """
    if not attachments:
        return (), []
    ids = [id_of(a.url) for a in attachments]
    known = await call.services.stores.attachments.get_all(call.account_id, [i for i in ids if i is not None])
    made: list[Attachment] = []
    errors: list[tuple[str, str]] = []
    for index, (given, attachment_id) in enumerate(zip(attachments, ids, strict=True)):
        record = known.get(attachment_id) if attachment_id is not None else None
        if record is not None and _may_name(call.principal, record):
            made.append(_filled(given, record))
        elif given.url.startswith(BASE):
            errors.append((f"attachments[{index}].url", "there is no such attachment"))
        elif not _is_elsewhere(given.url):
            message = f"must be {BASE}{{id}} or an https URL of at most {MAX_URL} characters"
            errors.append((f"attachments[{index}].url", message))
        else:
            made.append(replace(given, name=safe_name(given.name)))
    if errors:
        raise Invalid("the attachments are not valid", errors=tuple(errors))
    return tuple(made), list(known)


def _may_name(principal: Principal, record: StoredAttachment) -> bool:
    """Customers may name only their own uploads, or naming a file would be a way to read it."""
    if principal.role is not Role.CUSTOMER:
        return True
    own = ("contact", principal.contact_identifier, principal.channel_id)
    return (record.uploader_type, record.uploader_id, record.channel_id) == own


def _filled(given: Attachment, record: StoredAttachment) -> Attachment:
    return replace(
        given,
        url=path_of(record.id),
        name=record.name,
        content_type=record.content_type,
        size=record.size,
    )


def _is_elsewhere(url: str) -> bool:
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
