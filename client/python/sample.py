"""A support desk in a few lines; a strict type checker accepts it."""

from __future__ import annotations

import asyncio
import os

from tertulia.client import AsyncClient, Client, Conflict, Event, Webhook


def backlog(client: Client) -> list[str]:
    """Who waits, and since when."""
    names: dict[str, str | None] = {
        c["id"]: c["contact_name"] for c in client.iter_conversations(status=["open"])
    }
    return [f"{names.get(item['conversation_id'])}: {item['waiting_since']}" for item in client.iter_queue()]


def words(event: Event) -> str:
    """A line for a log."""
    if event["type"] == "conversation:message":
        return f"{event['data']['sender_type']}: {event['data']['content']}"
    if event["type"] == "conversation:status":
        return f"{event['data']['from']} → {event['data']['to']}"
    if event["type"] == "notification:offer":
        return f"{event['data']['conversation_id']} until {event['data']['expires_at']}"
    if event["type"] == "conversation:updated":
        return f"{event['conversation_id']}: {event['data'].get('priority')}"
    if event["type"] == "agent:assigned":
        return f"{event['conversation_id']}, entry {event['seq'] + 1}: {event['data']['agent_id']}"
    if event["type"] == "agent:presence":
        return f"{event['data']['user_id']}: {event['data']['active']} of {event['data']['maximum']}"
    if event["type"] == "reset":
        return f"missed events; continue from {event['data']['cursor']}"
    return event["type"]


async def greet(client: AsyncClient) -> None:
    """Claim each new conversation and say hello."""
    me = (await client.get_my_preferences())["user_id"]
    async for event in client.events(["account"]):
        print(words(event))
        if event["type"] == "conversation:new":
            id = event["data"]["id"]
            try:
                await client.assign_conversation(id, agent_id=me)
                sent = await client.create_message(id, content="Hello! How can I help?")
                print(sent["seq"])
            except Conflict as conflict:
                print("somebody was faster:", conflict.detail)


def called(body: bytes, headers: dict[str, str]) -> str:
    """A webhook's receiver."""
    return str(Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, headers)["type"])


async def main() -> None:
    async with AsyncClient(os.environ["TERTULIA_URL"], os.environ["TERTULIA_TOKEN"]) as client:
        await greet(client)


if __name__ == "__main__":
    asyncio.run(main())
