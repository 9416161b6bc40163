"""Races of approvals against customers' messages, in many conversations at once, on a server of its own: `make approval-races`, or
`make approval-races ARGS="--races 100000 --seconds 600"`.

Each race drafts a reply, then approves it while its customer writes again. The oracle knows the numbers that the server gave: a message
that came between what the draft had read and what was sent makes a stale send. At the end it reads every conversation and looks again.
Prints the figures; ends with 1 if a stale reply was sent, or an answer was neither an approval nor a refusal as stale.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from desks import WEBCHAT  # noqa: E402
from serving import OwnServer  # noqa: E402

TURNS = 40
"""Races in one conversation; then another one is opened."""
LATEST = 0.004
"""Seconds by which either side may be late."""


class Races:
    """`left`: how many may still begin. `ends`: when none may, by the loop's clock."""

    def __init__(self, url: str, left: int, ends: float) -> None:
        self._url = url
        self._left = left
        self._ends = ends
        self._random = random.Random(11)
        self.counts: Counter[str] = Counter()
        self.odd: list[str] = []
        self._sent: dict[str, list[tuple[int, int]]] = {}
        """By conversation: what each sent draft had read, and its own seq."""

    async def work(self, agent: str, service: str) -> None:
        """Race in one conversation after the other until the time or the races are over."""
        async with (
            aiohttp.ClientSession(self._url, headers={"Authorization": f"Bearer {agent}"}) as staff,
            aiohttp.ClientSession(self._url, headers={"Authorization": f"Bearer {service}"}) as customer,
        ):
            while self._goes_on():
                conversation = await self._opened(customer)
                for _ in range(TURNS):
                    if not self._goes_on():
                        break
                    self._left -= 1
                    await self._race(staff, customer, conversation)
                await self._check(staff, conversation)

    def _goes_on(self) -> bool:
        return self._left > 0 and asyncio.get_running_loop().time() < self._ends

    async def _opened(self, customer: aiohttp.ClientSession) -> str:
        body = {"channel_id": WEBCHAT, "contact_identifier": f"racer-{uuid.uuid4()}"}
        status, opened = await _post(customer, "/v1/conversations", body)
        assert status == 201, opened
        await self._said(customer, opened["id"], 0.0)
        return opened["id"]

    async def _race(
        self, staff: aiohttp.ClientSession, customer: aiohttp.ClientSession, conversation: str
    ) -> None:
        path = f"/v1/conversations/{conversation}/suggestions"
        status, made = await _post(staff, path, {})
        if status != 201:
            self._note(f"draft {status}", made)
            return
        late = self._random.uniform(-LATEST, LATEST)
        approval = f"{path}/{made['id']}/approve"
        (status, answer), said = await asyncio.gather(
            _late(staff, approval, max(0.0, late)), self._said(customer, conversation, max(0.0, -late))
        )
        if status == 201:
            seq = answer["message"]["seq"]
            self._sent.setdefault(conversation, []).append((made["seq"], seq))
            self.counts["approved"] += 1
            if said is not None and made["seq"] < said < seq:
                self._stale(conversation, made["seq"], said, seq)
        elif status == 409 and answer["code"] == "stale":
            self.counts["refused as stale"] += 1
        else:
            self._note(f"approval {status}", answer)

    async def _said(self, customer: aiohttp.ClientSession, conversation: str, late: float) -> int | None:
        await asyncio.sleep(late)
        body = {"content": "And another thing: where is my refund?", "sender_type": "contact"}
        status, said = await _post(customer, f"/v1/conversations/{conversation}/messages", body)
        if status != 201:
            self._note(f"message {status}", said)
            return None
        return said["seq"]

    async def _check(self, staff: aiohttp.ClientSession, conversation: str) -> None:
        """Read the whole conversation: no customer's message may stand between what a draft had read and where it was sent."""
        customers: list[int] = []
        after, more = 0, True
        while more:
            path = f"/v1/conversations/{conversation}/messages?limit=200&after_seq={after}"
            async with staff.get(path) as answer:
                page = await answer.json()
            customers += [m["seq"] for m in page["items"] if m["sender_type"] == "contact"]
            more = page["has_more"]
            after = page["items"][-1]["seq"] if page["items"] else after
        for seen, sent in self._sent.pop(conversation, []):
            self.counts["checked"] += 1
            if between := [seq for seq in customers if seen < seq < sent]:
                self._stale(conversation, seen, between[0], sent)

    def _stale(self, *where: object) -> None:
        self.counts["stale"] += 1
        self.odd.append(f"stale: {where}")

    def _note(self, what: str, answer: Any) -> None:
        self.counts[what] += 1
        if len(self.odd) < 20:
            self.odd.append(f"{what}: {answer}")


async def _post(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    async with session.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def _late(session: aiohttp.ClientSession, path: str, late: float) -> tuple[int, Any]:
    await asyncio.sleep(late)
    return await _post(session, path, {})


async def main(races: int, seconds: float, at_once: int) -> int:
    with tempfile.TemporaryDirectory(prefix="tertulia-") as folder:
        server = OwnServer(Path(folder))
        await server.start()
        try:
            began = asyncio.get_running_loop().time()
            running = Races(server.url, races, began + seconds)
            tokens = [server.token("agent", f"racer-{n}") for n in range(at_once)]
            service = server.token("service", "racers")
            await asyncio.gather(*(running.work(token, service) for token in tokens))
            took = asyncio.get_running_loop().time() - began
        finally:
            await server.stop()
    counts = running.counts
    total = counts["approved"] + counts["refused as stale"]
    print(
        f"{total} races in {took:.0f} s, {at_once} conversations at once: {counts['approved']} approved, all of them checked again:"
        f" {counts['checked'] == counts['approved']}; {counts['refused as stale']} refused as stale; {counts['stale']} stale sends"
    )
    for line in running.odd:
        print(line)
    others = sum(counts.values()) - total - counts["checked"]
    return 1 if others or not total or counts["checked"] != counts["approved"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--at-once", type=int, default=24)
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.races, options.seconds, options.at_once)))
