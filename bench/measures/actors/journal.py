"""The journal by itself: what batching gives, what the fence and the account's feed cost.

The variants are `commit_batch` as the database has it, less one step, in a schema of their own that the search path puts
first. They exist to be measured: without the fence two owners could both commit, without the feed no reader could resume.
"""

from __future__ import annotations

import asyncio
import re

import asyncpg

from ... import probe
from ...processes import BenchError, Helper, Tenant
from ...results import Figure, Series, ratios
from ...seed import seed
from ..bench import Bench, connected

BATCHES = {1: 1_500, 64: 16_000, 512: 12_800}
"""Rows a commit, and rows written in one round."""
CONVERSATIONS = 1_000
SLICES = 5
"""Turns the variants take within a round: what else the machine does falls on all of them alike."""
PAIR_BATCH = 64
PAIR_ROWS = 16_000

FENCE = re.compile(r"\n  SELECT count\(\*\) INTO standing.*?END IF;\n", re.DOTALL)
FEED = re.compile(r"\n  PERFORM 1 FROM account_feeds.*?\n  INSERT INTO entries", re.DOTALL)
NO_FEED = "\n  bases := array_fill(0::bigint, ARRAY[cardinality(account_ids)]);\n  INSERT INTO entries"


def _variants(source: str) -> dict[str, str]:
    found = {"no_fence": FENCE.subn("\n", source), "no_feed": FEED.subn(NO_FEED, source)}
    for name, (_, count) in found.items():
        if count != 1:
            raise BenchError(
                f"commit_batch has changed: bench/measures/actors/journal.py cannot make its variant {name}"
            )
    return {name: text for name, (text, _) in found.items()}


async def _make_variants(connection: asyncpg.Connection) -> None:
    source: str = await connection.fetchval("SELECT pg_get_functiondef('public.commit_batch'::regproc)")
    for name, text in _variants(source).items():
        await connection.execute(f"DROP SCHEMA IF EXISTS bench_{name} CASCADE; CREATE SCHEMA bench_{name}")
        await connection.execute(
            text.replace("FUNCTION public.commit_batch", f"FUNCTION bench_{name}.commit_batch")
        )


def _with_path(url: str, variant: str) -> str:
    return url if variant == "whole" else f"{url}&search_path=bench_{variant},public"


async def journal(bench: Bench) -> list[Figure]:
    """Rows a second at several batch sizes; the variants in turn; two committers on one account and on two."""
    url = await bench.postgres()
    tenants = [await bench.make_tenant(url) for _ in range(5)]
    async with connected(url) as connection:
        for tenant in tenants:
            for prefix in ("a", "b"):
                await seed(connection, tenant, prefix, CONVERSATIONS, 0)
        await _make_variants(connection)
    figures = await _alone(bench, url, tenants[:3])
    figures.append(await _pairs(bench, url, tenants[3:]))
    return figures


async def _alone(bench: Bench, url: str, tenants: list[Tenant]) -> list[Figure]:
    rates: dict[tuple[str, int], list[float]] = {}
    names = ("whole", "no_fence", "no_feed")
    specs = [
        probe.Spec(url=_with_path(url, name), tenant=tenant, prefix="a")
        for name, tenant in zip(names, tenants, strict=True)
    ]
    async with (
        Helper("bench.probe", specs[0]) as whole,
        Helper("bench.probe", specs[1]) as no_fence,
        Helper("bench.probe", specs[2]) as no_feed,
    ):
        helpers = dict(zip(names, (whole, no_fence, no_feed), strict=True))
        for helper in helpers.values():
            await helper.ask(f"prepare {CONVERSATIONS}")
            await helper.ask("commit 2000 16")
        for number in range(bench.steady_rounds):
            for batch, rows in BATCHES.items():
                bench.step(f"round {number + 1}: {batch} rows a commit")
                seconds = dict.fromkeys(helpers, 0.0)
                for _ in range(SLICES):
                    for name, helper in helpers.items():
                        found = await helper.ask(f"commit {rows // SLICES} {batch}")
                        seconds[name] += found["seconds"]
                for name, spent in seconds.items():
                    rates.setdefault((name, batch), []).append(rows / spent)
    return [
        Figure(
            measure="journal",
            what=f"{batch} rows a commit",
            value=Series("rows", "rows/s", rates["whole", batch]),
            parts=[
                ratios("without the fence", rates["no_fence", batch], rates["whole", batch]),
                ratios("without the account's feed", rates["no_feed", batch], rates["whole", batch]),
            ],
        )
        for batch in BATCHES
    ]


async def _pairs(bench: Bench, url: str, tenants: list[Tenant]) -> Figure:
    one, two = tenants
    specs = [probe.Spec(url=url, tenant=t, prefix=p) for t, p in ((one, "a"), (one, "b"), (two, "b"))]
    rates: dict[str, list[float]] = {"one account": [], "two accounts": [], "one committer": []}
    async with (
        Helper("bench.probe", specs[0]) as first,
        Helper("bench.probe", specs[1]) as second,
        Helper("bench.probe", specs[2]) as other,
    ):
        sides = {"one account": (first, second), "two accounts": (first, other), "one committer": (first,)}
        for helper in (first, second, other):
            await helper.ask(f"prepare {CONVERSATIONS}")
            await helper.ask("commit 2000 16")
        for number in range(bench.steady_rounds):
            for side, helpers in sides.items():
                bench.step(f"round {number + 1}: committers on {side}")
                found = await asyncio.gather(*(h.ask(f"commit {PAIR_ROWS} {PAIR_BATCH}") for h in helpers))
                rates[side].append(sum(f["count"] for f in found) / max(f["seconds"] for f in found))
    return Figure(
        measure="journal",
        what=f"two committers on one account against two accounts, {PAIR_BATCH} rows a commit",
        value=ratios("one account", rates["one account"], rates["two accounts"]),
        parts=[Series(side, "rows/s", values) for side, values in rates.items()],
        note="an account's commits queue for its feed row; two cores, shared with both committers",
    )
