"""A café's support on an ordinary day, for screenshots: customers, colleagues, settings, and thirty days of figures."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

import httpx
from browser_pages import mail
from desks import ok
from serving import OwnServer

from tertulia.core.accounts.demo_account import ACCOUNT, AGENTS, demo_id
from tertulia.serving.demo import WEBCHAT

ABEBA, BRUNO, CHEN, DANA = AGENTS
WHATSAPP, TELEGRAM, SMS = demo_id(13), demo_id(14), demo_id(16)


class Told(NamedTuple):
    """A conversation: who wrote what (`<` the customer, `>` Chen, `*` a note of his), and how it stands."""

    channel: str
    identifier: str
    name: str
    lines: tuple[str, ...]
    changes: dict[str, Any]
    agent: str | None = None


TOLD = (
    Told(WEBCHAT, "omar", "Omar Haddad", ("<أين طلبي من فضلك؟",), {}),
    Told(TELEGRAM, "77120001", "ሰላም ተስፋዬ", ("<ሰላም፣ ክፍያዬ አልተመለሰም",), {"labels": ["billing"]}),
    Told(WHATSAPP, "+34600100200", "Lucía Gómez", ("<¿Puedo cambiar la dirección de entrega?",), {"labels": ["delivery"]}),
    Told(SMS, "+233200000001", "Ama Mensah", ("<Do you ship to Accra?",), {}),
    Told(WHATSAPP, "+4915100000002", "Jonas Berg", (
        "<I was charged twice for order A-1039.", ">Sorry about that, Jonas. I have asked for the refund.",
        "<Thanks. How long does it take?", ">Two working days.", "<Perfect."), {"status": "resolved", "labels": ["billing"]}, CHEN),
    Told(WHATSAPP, "+351910000003", "Inês Duarte", (
        "<The grinder arrived, but the lid is missing.", ">I am sorry! A new lid leaves our house today."),
        {"status": "pending", "labels": ["delivery"]}, CHEN),
    Told(WEBCHAT, "yonas", "Yonas Bekele", ("<Which beans suit a jebena?", "<A dark roast?"), {}, ABEBA),
    Told(WEBCHAT, "marta", "Marta Silva", (
        "<Hello! My order A-1042 should have been here yesterday.", ">Good morning Marta, I am looking for it.\nhttps://track.example.com/A-1042",
        "<Thank you. It is a birthday present …",
        "*The depot has had it since yesterday; I asked them to deliver today. @Abeba please check at 14:00",
        ">It left the depot this morning and will be with you before five.", "<You are the best, thank you so much!"),
        {"priority": "high", "labels": ["delivery", "vip"]}, CHEN),
)  # fmt: skip
"""The last one is the newest, and the one whose thread is shown."""

SETTINGS = {
    "timezone": "Africa/Addis_Ababa", "csat_enabled": True, "routing": {"strategy": "manual_queue"},
    "sla": {"first_reply_minutes": 15, "next_reply_minutes": 30, "resolution_minutes": 480},
}  # fmt: skip
ADMINS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("canned-responses", {"short_code": "/refund", "title": "Refund", "category": "Billing",
                          "content": "Dear {{contact_name}}, your refund is on its way. It takes two working days.",
                          "actions": {"status": "resolved", "add_labels": ["refund"]}}),
    ("canned-responses", {"short_code": "/track", "title": "Where it is", "content": "Your parcel: https://track.example.com/"}),
    ("canned-responses", {"short_code": "/thanks", "title": "Thanks", "content": "Thank you for writing, {{contact_name}}!"}),
    ("bot-rules", {"name": "Opening hours", "trigger_type": "keyword", "priority": 10, "conditions": {"keywords": ["hours", "open"]},
                   "actions": {"reply_text": "We are open from 8 to 20, every day."}}),
    ("bot-rules", {"name": "Outside hours", "trigger_type": "time_based", "priority": 50,
                   "conditions": {"time_range": {"start": "20:00", "end": "08:00", "tz": "Africa/Addis_Ababa"}},
                   "actions": {"reply_text": "We are closed, and answer in the morning.", "set_labels": ["night"]}}),
    ("articles", {"title": "Returns", "language": "en", "visibility": "public", "body": "# Returns\nSend it back within 30 days; we pay."}),
    ("articles", {"title": "Delivery times", "language": "en", "visibility": "public", "body": "# Delivery\nThree working days."}),
    ("articles", {"title": "Depots and whom to call", "language": "en", "visibility": "internal", "body": "# Depots\nBole: extension 12."}),
    ("api-clients", {"name": "Shop"}), ("api-clients", {"name": "Data warehouse"}),
    ("event-webhooks", {"url": "https://hooks.example.com/tertulia", "description": "The shop", "event_types": ["conversation:message"]}),
)  # fmt: skip
"""What an admin of the account has made: resource and body."""


async def set_up(server: OwnServer) -> str:
    """Fill the demo account. Returns the id of the conversation to show."""
    async with (
        server.client(server.token("admin", DANA)) as admin,
        server.client(server.token("lead", CHEN)) as chen,
        server.client(server.token("service", "shop")) as shop,
    ):
        ok(await admin.patch("/v1/account", json={"name": "Café Tertulia", "settings": SETTINGS}))
        for name, description, members in (
            ("Orders", "Parcels and returns", (ABEBA, CHEN)),
            ("Billing", "Payments", (BRUNO,)),
        ):
            team = ok(await admin.post("/v1/teams", json={"name": name, "description": description}))["id"]
            for member in members:
                ok(await admin.post(f"/v1/teams/{team}/members", json={"user_id": member}))
        for resource, body in ADMINS:
            ok(await admin.post(f"/v1/{resource}", json=body))
        await people(server)
        shown = ""
        for told in TOLD:
            shown = await tell(told, chen, shop)
    await mail(
        server, "ana.perez@example.org", "Invoice for October", "Could you send me the invoice once more?\n\nBest regards\nAna Pérez",
        FromFull={"Email": "ana.perez@example.org", "Name": "Ana Pérez"},
    )  # fmt: skip
    await past(server)
    return shown


async def people(server: OwnServer) -> None:
    """Abeba is there, Bruno is away, and Chen has room for all that happens."""
    async with server.client(server.token("lead", CHEN)) as client:
        ok(await client.patch("/v1/agent-preferences/me", json={"max_concurrent_conversations": 20}))
    for agent, status in ((ABEBA, "online"), (BRUNO, "away")):
        async with server.client(server.token("agent", agent)) as client:
            ok(await client.put("/v1/agents/me/presence", json={"status": status}))


async def tell(told: Told, chen: httpx.AsyncClient, shop: httpx.AsyncClient) -> str:
    """Returns the conversation's id."""
    opened = {"channel_id": told.channel, "contact_identifier": told.identifier, "contact_name": told.name}
    id = ok(await shop.post("/v1/conversations/find-or-create", json=opened))["id"]
    path = f"/v1/conversations/{id}"
    for number, line in enumerate(told.lines):
        content = line[1:]
        if line[0] == "<":
            ok(await shop.post(f"{path}/messages", json={"content": content, "sender_type": "contact"}))
        else:
            ok(await chen.post(f"{path}/messages", json={"content": content, "is_private": line[0] == "*"}))
        if number == 0 and told.agent is not None:
            ok(await chen.post(f"{path}/assign", json={"agent_id": told.agent}))
    if told.changes:
        ok(await chen.patch(path, json=told.changes))
    return id


DAYS = 29
REPLIES = (25.0, 40.0, 70.0, 110.0, 180.0, 420.0)
RESOLUTIONS = (600.0, 1500.0, 2700.0, 5400.0, 14_400.0)
WAITS = (3.0, 8.0, 15.0, 40.0, 90.0)
FILL = """
INSERT INTO report_counts (account_id, dimension, item, measure, at, bucket, n)
SELECT $1, r.dimension, r.item, r.measure, r.at, CASE WHEN r.seconds IS NULL THEN r.bucket ELSE report_bucket(make_interval(secs => r.seconds)) END, sum(r.n)
FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::int[], $7::float8[], $8::int[]) AS r (dimension, item, measure, at, bucket, seconds, n)
GROUP BY 2, 3, 4, 5, 6 ON CONFLICT ON CONSTRAINT report_counts_pkey DO UPDATE SET n = report_counts.n + excluded.n
"""
Row = tuple[str, str, str, datetime, int, float | None, int]


def figures(day: int, noon: datetime) -> list[tuple[str, datetime, int, float | None, int]]:
    """Measures of a day so long ago: less on Sundays, busier every week."""
    opened = round((34 + 8 * math.sin(day * 1.7) - day * 0.4) * (0.45 if noon.weekday() == 6 else 1))
    slow = 1 + 0.4 * math.sin(day / 2)
    plain = {"opened": opened, "resolved": opened - 2, "inbound": opened * 3, "outbound": opened * 4, "assigned": opened,
             "missed first_reply": max(0, round(2 * math.sin(day))), "missed resolution": day % 3 == 0}  # fmt: skip
    rows: list[tuple[str, datetime, int, float | None, int]] = [
        (measure, noon, 0, None, int(n)) for measure, n in plain.items() if n
    ]
    rows += [("csat", noon, score, None, n) for score, n in ((5, opened // 4), (4, opened // 6), (2, 1)) if n]
    midnight = noon.replace(hour=0)
    for measure, durations in (("reply", REPLIES), ("resolution", RESOLUTIONS), ("wait", WAITS)):
        for seconds, (suffix, at) in product(durations, (("", noon), ("_day", midnight))):
            rows.append((measure + suffix, at, 0, seconds * slow, opened // len(durations)))
    return rows


async def past(server: OwnServer) -> None:
    """The report's counters as thirty days of work would have left them."""
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    rows: list[Row] = []
    for day in range(1, DAYS):
        of_the_day = figures(day, today - timedelta(days=day))
        rows += [
            (dimension, item, *row)
            for row in of_the_day
            for dimension, item in (("", ""), ("channel", WEBCHAT))
        ]
    await server.sql(FILL, ACCOUNT, *(list(column) for column in zip(*rows, strict=True)))
