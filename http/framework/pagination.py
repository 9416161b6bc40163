"""What the routes of plain resources share: pages with opaque cursors, patches, limits of free-form objects."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ...core.accounts.records import Place
from ...core.accounts.user_ids import is_user_id
from ...core.conversation.entries import Actor
from ...core.errors import Invalid, NotFound
from ...core.text import cursors
from .bodies import MAX_METADATA
from .endpoint import Call

Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="`next_cursor` of a page")]


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Limit = 20
    cursor: Cursor | None = None


def place(cursor: str | None) -> Place | None:
    """Where a page begins. Raises Invalid for what is no cursor of ours."""
    return None if cursor is None else cursors.read(cursor, Place)


def cursor(place: Place | None) -> str | None:
    """A place as clients hold it."""
    return None if place is None else cursors.write(place)


def given(patch: msgspec.Struct) -> dict[str, Any]:
    """The fields that a patch names. Raises Invalid where there are none."""
    changes = {k: v for k, v in msgspec.structs.asdict(patch).items() if v is not msgspec.UNSET}
    if not changes:
        raise Invalid("nothing to change", errors=(("", "name at least one field"),))
    return changes


def check_size(value: Any, path: str) -> None:
    """Raises Invalid when a free-form object is too large."""
    if value and len(msgspec.json.encode(value)) > MAX_METADATA:
        raise Invalid("the body is not valid", errors=((path, f"at most {MAX_METADATA} bytes as JSON"),))


def user_id(call: Call[Any]) -> str:
    """The user that the path names; what no token can have is not found."""
    value = call.path["user_id"]
    if not is_user_id(value):
        raise NotFound("no such agent")
    return value


def author(call: Call[Any]) -> Actor:
    """Who stands in the audit log for what this call does."""
    by = call.by()
    return Actor(by.type, by.id)
