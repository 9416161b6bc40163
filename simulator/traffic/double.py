"""The business's messages to customers at providers, read from the provider double."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from .requests import Requests

EVERY = 0.5
KIND = "GET /double/{channel}/sent"


async def follow(
    requests: Requests, url: str, channel: str, on_item: Callable[[Mapping[str, Any]], None]
) -> None:
    """Hand over each message sent to a channel from now on, until cancelled."""
    path = f"/double/{channel}/sent"
    first = await requests.insist(KIND, f"{path}?after=0", url=url)
    after = first.data["total"] if first.ok else 0
    while True:
        await asyncio.sleep(EVERY)
        answer = await requests.call(KIND, f"{path}?after={after}", url=url)
        if not answer.ok:
            continue
        for item in answer.data["items"]:
            on_item(item)
        after = max(after, answer.data["forgotten"]) + len(answer.data["items"])
