"""Shared by the routes of plain resources: pages with opaque cursors, patches, and limits of free-form objects."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ...core.accounts.records import Place
from ...core.accounts.user_ids import is_user_id
from ...core.conversation.entries import Actor
from ...core.errors import Invalid, NotFound
from ...core.text import cursors
from ...core.text.fields import about
from .bodies import MAX_METADATA
from .endpoint import Call

Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="`next_cursor` of a page")]


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[Limit, about("Most objects per page")] = 20
    cursor: Annotated[Cursor | None, about("`next_cursor` of the previous page")] = None


def place(cursor: str | None) -> Place | None:
    """The place where a page begins. Raises Invalid for an unknown cursor."""
    return None if cursor is None else cursors.read(cursor, Place)


def cursor(place: Place | None) -> str | None:
    """A place as an opaque cursor."""
    return None if place is None else cursors.write(place)


def given(patch: msgspec.Struct) -> dict[str, Any]:
    """The fields set by a patch. Raises Invalid if there are none."""
    changes = {k: v for k, v in msgspec.structs.asdict(patch).items() if v is not msgspec.UNSET}
    if not changes:
        raise Invalid("nothing to change", errors=(("", "name at least one field"),))
    return changes


def check_size(value: Any, path: str) -> None:
    """Raises Invalid if a free-form object is too large."""
    if value and len(msgspec.json.encode(value)) > MAX_METADATA:
        raise Invalid("the body is not valid", errors=((path, f"at most {MAX_METADATA} bytes as JSON"),))


def user_id(call: Call[Any]) -> str:
    """The user id in the path. Raises NotFound if no token can have it."""
    value = call.path["user_id"]
    if not is_user_id(value):
        raise NotFound("no such agent")
    return value


def author(call: Call[Any]) -> Actor:
    """The author of this call in the audit log."""
    by = call.by()
    return Actor(by.type, by.id)
