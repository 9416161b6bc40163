"""Small reported faults, each with its right answer."""

from __future__ import annotations

import pytest
from desks import Desk, fresh, problem

from tertulia.serving import demo

SMS = next(channel.id for channel in demo.CHANNELS if channel.type == "sms")


@pytest.mark.parametrize(
    "zone",
    [
        "localtime",
        "Factory",
        "posixrules",
        "posix/Europe/Berlin",
        "right/UTC",
        "europe/nowhere",
        "../etc/passwd",
        "",
    ],
)
async def test_what_is_no_place_is_no_time_zone(desks: dict[str, Desk], zone: str) -> None:
    admin = desks["admin"].http
    refused = problem(await admin.patch("/v1/account", json={"settings": {"timezone": zone}}), 422, "invalid")
    assert [error["path"] for error in refused["errors"]] == ["settings.timezone"]
    hours = {
        "available_hours": {
            "schedule": [{"days": ["mon"], "start": "09:00", "end": "17:00"}],
            "timezone": zone,
        }
    }
    refused = problem(await admin.patch("/v1/agent-preferences/me", json=hours), 422, "invalid")
    assert [error["path"] for error in refused["errors"]] == ["available_hours.timezone"]


@pytest.mark.parametrize(
    "written",
    [
        "00447700{}",
        "\u202a+44 7700 {}\u202c",
        "\u200e+447700{}",
        "+44\u00a07700\u00a0{}",
        "＋４４7700{}",
        "tel:+447700{}",
    ],
)
async def test_a_telephone_number_is_read_however_it_is_written(service: Desk, written: str) -> None:
    number = f"{int(fresh().rpartition('-')[2]) % 1_000_000:06d}"
    opened = await service.open(written.format(number), SMS)
    assert opened["contact_identifier"] == f"+447700{number}"


async def test_nobody_is_assigned_whom_nobody_has_seen(desks: dict[str, Desk]) -> None:
    opened = await desks["lead"].open()
    answer = await desks["lead"].do(opened["id"], "assign", agent_id=f"nobody-{fresh()}")
    refused = problem(answer, 422, "invalid")
    assert [error["path"] for error in refused["errors"]] == ["agent_id"]
    assert (await desks["lead"].get(opened["id"]))["assignee_id"] is None
