"""The recipients of an outgoing mail: those that its author names, else the sender and the other recipients of the mail that it answers.

A received mail's metadata holds `answer_to` (`to`, `cc`), a sent one's `recipients` (`to`, `cc`, `bcc`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..conversation.commands import Post
from ..conversation.entries import Entry, Message
from ..conversation.state import Conversation
from ..errors import Invalid

MAX_RECIPIENTS: Final = 50
"""Addresses of one mail, in all its fields: what Postmark takes."""
ANSWER_TO, RECIPIENTS = "answer_to", "recipients"


def check(channel_type: str, post: Post) -> None:
    """Raises Invalid if a message names recipients but is not a mail to a customer."""
    if post.to is None and post.cc is None and post.bcc is None:
        return  # as most messages
    given = [name for name in ("to", "cc", "bcc") if getattr(post, name) is not None]
    if channel_type != "email" or post.is_private or post.sender_type == "contact":
        rule = "only for a message to the customer on an e-mail channel"
        raise Invalid("this message cannot have recipients", errors=tuple((name, rule) for name in given))


def of(c: Conversation, messages: Iterable[Entry], post: Post) -> dict[str, list[str]]:
    """The recipients of a message on an e-mail channel; `messages` are the newest of the conversation, oldest first.

    Naming `to` or `cc` leaves out the copies that an answer would have; `bcc` alone does not.
    """
    answered = _answered(list(messages), post.reply_to)
    to = list(post.to) if post.to else (_addresses(answered.get("to")) or [c.contact_identifier])
    copies = post.cc
    if copies is None:
        copies = () if post.to is not None else _addresses(answered.get("cc"))
    found = {"to": to}
    seen = set(to)
    for name, addresses in (("cc", copies), ("bcc", post.bcc or ())):
        if rest := [address for address in dict.fromkeys(addresses) if address not in seen]:
            found[name] = rest
            seen.update(rest)
    return found


def named(recipients: Any) -> dict[str, list[str]]:
    """The recipients in a message's metadata, by field."""
    if not isinstance(recipients, dict):
        return {}
    return {name: found for name in ("to", "cc", "bcc") if (found := _addresses(recipients.get(name)))}


def same(message: Message, post: Post) -> bool:
    """Whether a repeated post names the same recipients as the original message."""
    recipients = named(message.metadata.get(RECIPIENTS))
    given = ((name, getattr(post, name)) for name in ("to", "cc", "bcc"))
    return all(set(value) >= set(recipients.get(name, ())) for name, value in given if value is not None)


def _answered(messages: list[Entry], reply_to: str | None) -> dict[str, Any]:
    """The recipient of the answer to a mail: the one it names, else the customer's newest, a person's before a machine's. Behind
    many messages of ours it has left memory; then it goes where the last of those went."""
    mails = [m for entry in reversed(messages) if isinstance(m := entry.data, Message) and not m.is_private]
    inbound = [m for m in mails if m.direction == "inbound" and isinstance(m.metadata.get(ANSWER_TO), dict)]
    named_one = (m for m in inbound if m.id == reply_to)
    by_person = (m for m in inbound if m.metadata.get("auto_reply") is not True)
    best = next(named_one, None) or next(by_person, None) or next(iter(inbound), None)
    if best is not None:
        return best.metadata[ANSWER_TO]
    return next((named(m.metadata[RECIPIENTS]) for m in mails if RECIPIENTS in m.metadata), {})


def _addresses(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []
