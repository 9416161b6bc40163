"""Reports by agent, team, channel and label: their shapes, and how they are made from counts.

`storage/postgres/reports/reports.py` reads the counts. Times are ms since the epoch unless said otherwise.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ..conversation.entries import TargetName
from ..text.fields import Count, Timestamp, about
from .statistics import Csat, Durations

Dimension = Literal["account", "agent", "team", "channel", "label"]
TARGETS: tuple[TargetName, ...] = ("first_reply", "next_reply", "resolution")
MAX_ITEMS = 200
"""Items of one report: those with the most conversations and messages. `more` counts the rest."""


class Missed(msgspec.Struct, frozen=True):
    """Conversations that missed an SLA target at least once."""

    first_reply: Annotated[Count, about("How many missed the target of the first reply")] = 0
    next_reply: Annotated[Count, about("How many missed the target of a later reply")] = 0
    resolution: Annotated[Count, about("How many missed the target of the resolution")] = 0


class ReportDay(msgspec.Struct, frozen=True):
    """One day in UTC: what happened on it, and how the conversations fared that were created on it."""

    date: Annotated[str, about("The day", "2026-03-02")]
    conversations: Annotated[Count, about("Conversations created")]
    resolved: Annotated[Count, about("Conversations resolved, and not reopened since")]
    inbound: Annotated[Count, about("Messages of customers")]
    outbound: Annotated[Count, about("Messages to customers")]
    assigned: Annotated[Count, about("How often conversations were assigned")]
    missed: Annotated[Missed, about("Of the conversations created: how many missed SLA targets")]
    first_reply_p50_s: Annotated[float | None, about("Median time until the first reply, in seconds", 42.5)]
    resolution_p50_s: Annotated[float | None, about("Median time until the resolution, in seconds", 3600.0)]
    wait_p50_s: Annotated[float | None, about("Median time until the first assignment, in seconds", 12.0)]
    csat_count: Annotated[Count, about("Scores given")]
    csat_average: Annotated[float | None, about("Their mean, from 1 to 5", 4.6)]


class ReportItem(msgspec.Struct, frozen=True):
    """The figures of one agent, team, channel or label, or of the whole account.

    A conversation counts for its present team and labels. For an agent: `conversations`, `resolved` and `resolution` are of those that the
    agent held last, `first_reply` of those whose first reply the agent wrote, `missed` and `csat` of those that the agent held then,
    `outbound` the agent's own messages, and `statuses` what the agent holds now.
    """

    id: Annotated[
        str,
        about(
            "The agent's, team's, channel's or account's id, or the label",
            "00000000-0000-0000-0000-000000000021",
        ),
    ]
    conversations: Annotated[Count, about("Conversations created in the period")]
    resolved: Annotated[Count, about("Conversations resolved in the period, and not reopened since")]
    inbound: Annotated[
        Count | None, about("Messages of customers; null where they are not counted: agents, teams, labels")
    ]
    outbound: Annotated[Count | None, about("Messages to customers; null for teams and labels")]
    bot_messages: Annotated[
        Count | None, about("Messages to customers that bots wrote; null where `inbound` is")
    ]
    handoffs: Annotated[Count | None, about("How often a human was requested; null where `inbound` is")]
    assigned: Annotated[
        Count | None, about("How often conversations were assigned; null for teams and labels")
    ]
    first_reply: Annotated[Durations, about("Time until the first reply")]
    resolution: Annotated[Durations, about("Time until the resolution")]
    wait: Annotated[Durations, about("Time until the first assignment; not counted for agents")]
    missed: Annotated[
        Missed, about("Of the conversations created in the period: how many missed SLA targets")
    ]
    csat: Annotated[Csat, about("Customers' ratings")]
    statuses: Annotated[
        dict[str, int], about("Status → how many conversations have it now", {"open": 3, "assigned": 2})
    ]
    days: Annotated[
        list[ReportDay],
        about("The same figures for every day of the period; empty where several items are listed"),
    ]


class Report(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """The period is moved out to whole hours (UTC)."""

    start: Annotated[Timestamp, about("The beginning of the period")]
    end: Annotated[Timestamp, about("The end of the period")]
    dimension: Annotated[Dimension, about("What the figures are grouped by", "team")]
    items: Annotated[
        list[ReportItem], about("The figures; items with the most conversations and messages first")
    ]
    more: Annotated[Count, about("How many more items have figures but are left out", 0)]
