"""A mail's sender, the recipients of the reply, and the addresses that are the account's own.

Replies do not always go to the author: contact forms and relays put their own address into `From` and the customer's into
`Reply-To` (RFC 5322, 3.6.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ...core.accounts import email_addresses
from ...core.channels.messages import Sender
from ...core.channels.recipients import MAX_RECIPIENTS
from ..shared import payloads, text

MAX_NAMED: Final = 10
"""Addresses of each of To and Cc that metadata lists with their names."""
EVERYBODYS: Final = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net",
        "web.de", "mail.ru", "yandex.ru", "qq.com", "163.com", "126.com", "naver.com", "proton.me", "protonmail.com", "orange.fr", "free.fr", "libero.it", "wp.pl",
    }
)  # fmt: skip
"""Domains of mailboxes that anybody has: a form that writes from one and its customer are two."""
MAX_OWN: Final = 500
"""Addresses of our own that are known, of this mailbox and of the account's others."""
_ADDRESS: Final = re.compile(r"[^\s<>,;\"\x00-\x1f\x7f]+").fullmatch
_NAMED: Final = re.compile(r'\s*+"?([^"<>,;@]{1,255}?)"?\s*+<[^<>]{1,400}>\s*+').fullmatch

Object = dict[str, Any]


class Correspondents(msgspec.Struct, frozen=True):
    """`author`: the address in From, where another one is the sender. `answer_to`: `to` and `cc` of an answer to all.
    `is_ours`: the sender is one of the account's own mailboxes. `is_relayed`: From is somebody else's mailbox than the sender's, not another of the same house."""

    sender: Sender
    author: Object | None
    answer_to: Object
    is_ours: bool = False

    @property
    def is_relayed(self) -> bool:
        if self.author is None:
            return False
        domain = self.sender.identifier.rpartition("@")[2]
        return self.author["email"].rpartition("@")[2] != domain or domain in EVERYBODYS


def read(mail: Object, headers: Mapping[str, str], config: Object) -> Correspondents:
    """Raises ValueError where From names nobody."""
    author = _author(mail)
    ours = _Ours(mail, config)
    given = payloads.string(mail, "ReplyTo") or headers.get("reply-to", "")
    wanted = [a for a in email_addresses.listed(given, MAX_RECIPIENTS) if a not in ours]
    sender = author
    if len(wanted) == 1 and wanted[0] != author.identifier:
        sender = Sender(wanted[0], _name_in(given))
    elif not wanted and author.identifier in ours:
        sender = _relayed(headers) or author
    to = wanted or [sender.identifier]
    others = (a for key in ("To", "Cc") for a in _others(mail, key))
    cc = [a for a in dict.fromkeys(others) if a not in ours and a not in to][: MAX_RECIPIENTS - len(to)]
    beside = {"email": author.identifier, **({"name": author.name} if author.name else {})}
    answer_to = {"to": to, **({"cc": cc} if cc else {})}
    return Correspondents(sender, None if sender is author else beside, answer_to, sender.identifier in ours)


def _relayed(headers: Mapping[str, str]) -> Sender | None:
    """The sender of a mail that a mailing group of our own passes on under its own address, as Google Groups does for domains that demand it."""
    for name in ("x-original-from", "x-original-sender"):
        header = headers.get(name, "")
        if (address := email_addresses.parsed(header)) is not None:
            return Sender(address, _name_in(header))
    return None


def named(mail: Object, key: str) -> list[Object]:
    """The first of `ToFull` or `CcFull`, as `{email, name}`."""
    found = []
    for full in payloads.objects(mail.get(key + "Full")):
        if address := text.short(full.get("Email")):
            name = text.short(full.get("Name"), 100)
            found.append({"email": address.lower(), **({"name": name} if name else {})})
    return found[:MAX_NAMED]


class _Ours:
    """Our own addresses, as a mail and the channel tell them: where it arrived, and what we write from."""

    def __init__(self, mail: Object, config: Object) -> None:
        names = [config.get("from_address"), config.get("reply_to"), mail.get("OriginalRecipient")]
        for key in ("addresses", "siblings"):
            addresses = config.get(key)
            names += addresses[:MAX_OWN] if isinstance(addresses, list) else []
        if not mail.get("OriginalRecipient") and (tag := mail.get("MailboxHash")):  # customers have tags, too
            tagged = (f for f in payloads.objects(mail.get("ToFull")) if f.get("MailboxHash") == tag)
            names += [full.get("Email") for full in tagged]
        found = (email_addresses.parsed(name) for name in names if isinstance(name, str))
        self._known = {email_addresses.without_tag(address) for address in found if address}

    def __contains__(self, address: str) -> bool:
        return email_addresses.without_tag(address) in self._known


def _author(mail: Object) -> Sender:
    full = payloads.inner(mail, "FromFull")
    header = payloads.string(mail, "From")
    given = payloads.string(full, "Email") or email_addresses.parsed(header) or ""
    address = email_addresses.parsed(given) or given.strip().lower()
    if not _ADDRESS(address) or len(address) > payloads.MAX_IDENTIFIER:
        raise ValueError("FromFull.Email is not an address" if address else "FromFull.Email is missing")
    name = payloads.string(full, "Name") or payloads.string(mail, "FromName")
    return Sender(address, _line(name) or _name_in(header))


def _name_in(header: str) -> str | None:
    """The name beside the one address of a header."""
    found = _NAMED(header[:1000])
    return _line(found[1]) or None if found is not None else None


def _line(value: str) -> str:
    return " ".join(value.split())[: text.MAX_NAME].strip()


def _others(mail: Object, key: str) -> Iterator[str]:
    """The valid addresses of To or Cc."""
    listed = payloads.objects(mail.get(key + "Full"))
    if not listed:
        yield from email_addresses.listed(payloads.string(mail, key), MAX_RECIPIENTS)
    for full in listed[: 4 * MAX_RECIPIENTS]:
        address = full.get("Email")
        if isinstance(address, str) and (one := email_addresses.parsed(address)) is not None:
            yield one
