"""`…/approve`, `/reject`, `/reply`, `/regenerate`: sending and drafting replies. Sending waits for the provider's answer."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, get_args

import msgspec
from aiohttp import web

from ....core.assistance.prompts import MAX_WISH
from ....core.assistance.suggestions import Length, Tone, Wishes
from ....core.conversation.commands import Changes, Post, Update
from ....core.conversation.entries import Message
from ....core.conversation.state import Conversation
from ....core.errors import Internal, NotFound, Stale
from ....core.text.email_subjects import without_prefixes
from ...actions import conversations as actions
from ...actions import suggestions
from ...framework.endpoint import Call, Route, answer
from . import shapes
from .shapes import BASE, TAG, DeskSuccess, DeskSuggestion

PATIENCE = 15.0
"""Seconds to wait for the provider's first answer."""
LOOK = 0.05
TONES: Final[dict[str, Tone]] = {tone: tone for tone in get_args(Tone)}
LENGTHS: Final[dict[str, Length]] = {
    **{length: length for length in get_args(Length)},
    **dict.fromkeys(("short", "brief", "concise"), "shorter"),
    **dict.fromkeys(("medium", "normal"), "same"),
    **dict.fromkeys(("long", "detailed"), "longer"),
}
"""Words of the reply desk's clients → the core's."""
Word = Annotated[str, msgspec.Meta(max_length=100)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536, pattern="\\S")]


class DeskApproval(msgspec.Struct, frozen=True):
    suggestion_id: actions.Uuid
    edited_body: Text | None = None
    edited_subject: actions.Subject | None = None


class DeskRejection(msgspec.Struct, frozen=True):
    suggestion_id: actions.Uuid
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class DeskReply(msgspec.Struct, frozen=True):
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=998)]
    body: Text
    body_html: Annotated[str, msgspec.Meta(max_length=12_000)] | None = None


class DeskRegeneration(msgspec.Struct, frozen=True):
    """`tone`, `length`: any word; the document lists none."""

    message_id: actions.Uuid
    tone: Word | None = None
    length: Word | None = None
    custom_prompt: Annotated[str, msgspec.Meta(max_length=MAX_WISH)] | None = None


async def approve(call: Call[DeskApproval]) -> web.Response:
    c, body = await shapes.mail_conversation(call), call.body
    s = await suggestions.found(call, c.id, body.suggestion_id)
    if s.status == "stale":
        raise Stale("the lead has written since this was drafted")
    if s.status == "pending":  # else nothing is sent, and nothing may change
        await _rename(call, c, body.edited_subject)
    _, entry = await suggestions.approve(call, c.id, s.id, body.edited_body)
    assert isinstance(entry.data, Message)
    await _left(call, entry.data.id)
    return answer(DeskSuccess("Reply sent successfully", c.id, entry.data.id, s.id))


async def reject(call: Call[DeskRejection]) -> web.Response:
    c = await shapes.mail_conversation(call)
    s = await suggestions.reject(call, c.id, call.body.suggestion_id, call.body.reason)
    return answer(DeskSuccess("Suggestion rejected", c.id, None, s.id))


async def reply(call: Call[DeskReply]) -> web.Response:
    c, body = await shapes.mail_conversation(call), call.body
    await _rename(call, c, body.subject)
    metadata = {} if body.body_html is None else {"body_html": body.body_html}
    done = await call.ask(Post("agent", body.body, metadata=metadata), conversation=c.id)
    message = done.entries[0].data
    assert isinstance(message, Message)
    await _left(call, message.id)
    return answer(DeskSuccess("Reply sent successfully", c.id, message.id))


async def regenerate(call: Call[DeskRegeneration]) -> web.Response:
    c, body = await shapes.mail_conversation(call), call.body
    read = await call.services.drafter.read(c)
    if not any(isinstance(e.data, Message) and e.data.id == body.message_id for e in read.entries):
        raise NotFound("Message not found")
    made = await suggestions.draft(call, c.id, _wishes(body))
    return answer(shapes.suggestion(made))


def _wishes(body: DeskRegeneration) -> Wishes:
    """Tones and lengths that the core does not know become part of the prompt."""
    tone, length = (body.tone or "").strip().lower(), (body.length or "").strip().lower()
    unknown = (
        f"Tone: {tone}." if tone and tone not in TONES else "",
        f"Length: {length}." if length and length not in LENGTHS else "",
    )
    prompt = " ".join(filter(None, (*unknown, (body.custom_prompt or "").strip())))[:MAX_WISH]
    return Wishes(TONES.get(tone), LENGTHS.get(length), prompt or None)


async def _rename(call: Call[Any], c: Conversation, subject: str | None) -> None:
    """Mails go out under the conversation's subject, whatever prefix of an answer stands before it."""
    bare = without_prefixes(subject or "")
    if bare and bare != without_prefixes(c.subject or ""):
        await call.ask(Update(Changes(subject=bare)), conversation=c.id)


async def _left(call: Call[Any], message_id: str) -> None:
    """Wait until the provider has taken a message. Raises Internal when its first attempt fails: then it is kept as failed."""
    stores = call.services.stores
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                delivery = await stores.deliveries.get(call.account_id, message_id)
                if delivery is None or delivery.status in ("sent", "delivered", "read"):
                    return
                if delivery.status == "failed" or (
                    delivery.error is not None
                    and await stores.reply_desk.give_up(call.account_id, message_id)
                ):
                    why = (delivery.error or {}).get("detail") or "the provider refused it"
                    raise Internal(f"Failed to send email: {why}")
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise Internal(
            "Failed to send email: the provider has not answered yet; it may still be sent"
        ) from None


USE, OWN = (
    "suggestions.use",
    {"tag": TAG, "refused": shapes.refused, "error": shapes.DeskError, "refuses": (404,)},
)
ROUTES = [
    Route("POST", BASE + "/{id}/approve", approve, USE, {200: DeskSuccess}, "deskApprove",
          "Send a suggestion, edited or not", body=DeskApproval, example={"suggestion_id": "0190a5f1-0b2c-7e11-8a40-5d0b3f1c9e22"}, **OWN),
    Route("POST", BASE + "/{id}/reject", reject, USE, {200: DeskSuccess}, "deskReject", "Reject a suggestion",
          body=DeskRejection, example={"suggestion_id": "0190a5f1-0b2c-7e11-8a40-5d0b3f1c9e22"}, **OWN),
    Route("POST", BASE + "/{id}/reply", reply, USE, {200: DeskSuccess}, "deskReply", "Send a reply that the agent wrote",
          body=DeskReply, **OWN),
    Route("POST", BASE + "/{id}/regenerate", regenerate, USE, {200: DeskSuggestion}, "deskRegenerate",
          "Draft again, with another tone or length", body=DeskRegeneration, example={"message_id": "0190a5f1-0b2c-7e11-8a40-5d0b3f1c9e22", "tone": "formal"}, **OWN),
]  # fmt: skip
