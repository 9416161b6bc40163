"""Maps names that older services use to ids. Ids are derived, so that the same name always means the same object."""

from __future__ import annotations

import re
import uuid
from functools import lru_cache
from typing import Final

from ...core.accounts.records import Account, Channel
from ...core.ids import is_uuid
from ...core.text.normalization import normalized

_NOT_IN_SLUGS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 63


def sub_domain_of(account: Account) -> str:
    """An account's sub-domain: the setting, or else a slug of its name."""
    given = account.settings.get("sub_domain")
    if isinstance(given, str):
        return given
    return _slug(account.name) or account.id


@lru_cache(maxsize=1024)
def _slug(name: str) -> str:
    plain = normalized("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_SLUGS.sub("-", plain).strip("-")[:_LONGEST].strip("-")


def outlet_of(account_id: str, local_id: str | None) -> str | None:
    """The outlet that a local id stands for: itself if it is an id, else one derived from it."""
    if local_id is None or is_uuid(local_id.lower()):
        return None if local_id is None else local_id.lower()
    return str(uuid.uuid5(uuid.UUID(account_id), f"outlet {local_id}"))


def recording_channel(account_id: str, now: int) -> Channel:
    """A WhatsApp channel that only records, since its account's clients send by themselves."""
    id = str(uuid.uuid5(uuid.UUID(account_id), "crm whatsapp"))
    return Channel(id, account_id, "whatsapp", "WhatsApp", {"sent_elsewhere": True}, None, True, now, now)
