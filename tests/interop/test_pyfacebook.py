"""python-facebook-api, a client of Meta's Graph API, on the double's Messenger."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from desk import CREDENTIALS, Desk
from pyfacebook import FacebookError, GraphAPI

PAGE, TOKEN = CREDENTIALS["messenger"]["page_id"], CREDENTIALS["messenger"]["page_access_token"]
TO = json.dumps({"id": "5512345678901234"})


@pytest.fixture
def graph(at: Desk) -> GraphAPI:
    return GraphAPI(access_token=TOKEN, base_url=f"{at.double}/", version="v23.0")


@pytest.fixture
async def channel(at: Desk) -> str:
    return await at.register("messenger")


async def post(graph: GraphAPI, node: str, **message: Any) -> dict[str, Any]:
    data = {"recipient": TO, "messaging_type": "RESPONSE", "message": json.dumps(message)}
    return await asyncio.to_thread(graph.post_object, node, connection="messages", data=data)


async def test_texts_replies_buttons_and_files(at: Desk, channel: str, graph: GraphAPI) -> None:
    assert (await asyncio.to_thread(graph.get_object, "me"))["id"] == PAGE
    first = await post(graph, "me", text="Hej 😀")
    assert first["recipient_id"] == "5512345678901234" and first["message_id"].startswith("m_")
    await post(
        graph, PAGE, text="again", quick_replies=[{"content_type": "text", "title": "Yes", "payload": "y"}]
    )
    buttons = [{"type": "postback", "title": "Yes", "payload": "y"}]
    template = {"template_type": "button", "text": "Sure?", "buttons": buttons}
    await post(graph, "me", attachment={"type": "template", "payload": template})
    file = {"type": "image", "payload": {"url": "https://desk.example/a.png", "is_reusable": True}}
    kept = await post(graph, "me", attachment=file)
    await post(graph, "me", attachment={"type": "image", "payload": {"attachment_id": kept["attachment_id"]}})
    assert [item["text"] for item in await at.sent(channel)] == ["Hej 😀", "again", "Sure?", "", ""]


async def test_reading_and_typing_are_no_messages(at: Desk, channel: str, graph: GraphAPI) -> None:
    for action in ("mark_seen", "typing_on"):
        data = {"recipient": TO, "sender_action": action}
        answer = await asyncio.to_thread(graph.post_object, "me", connection="messages", data=data)
        assert answer == {"recipient_id": "5512345678901234"}
    assert await at.sent(channel) == []


async def test_errors_are_the_providers_own(at: Desk, channel: str, graph: GraphAPI) -> None:
    with pytest.raises(FacebookError) as wrong:
        await post(graph, "me", text="")
    assert (wrong.value.code, wrong.value.type) == (100, "OAuthException")
    stranger = GraphAPI(access_token="none", base_url=f"{at.double}/", version="v23.0")
    with pytest.raises(FacebookError) as unknown:
        await post(stranger, "me", text="x")
    assert unknown.value.code == 190
    await at.control("PUT", f"/{channel}/faults", {"kind": "refuse"})
    with pytest.raises(FacebookError) as refused:
        await post(graph, "me", text="x")
    assert refused.value.code == 551


async def test_its_webhooks_are_signed_as_meta_signs(at: Desk, channel: str) -> None:
    """The library verifies none; this is Meta's own recipe."""
    await at.play(channel, "messenger", text="hej ä/ö")
    _, call = await at.calls.get()
    digest = hmac.new(CREDENTIALS["messenger"]["app_secret"].encode(), call.body, hashlib.sha256).hexdigest()
    assert call.headers["x-hub-signature-256"] == f"sha256={digest}"
    assert json.loads(call.body)["entry"][0]["messaging"][0]["message"]["text"] == "hej ä/ö"
