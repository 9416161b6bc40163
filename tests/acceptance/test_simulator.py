"""`tertulia simulate` against a server: everything that is acknowledged arrives, breaking is found, and nothing is left behind."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from desks import Account, new_accounts, ok
from msgspec.structs import replace
from serving import ROOT, OwnServer
from typer.testing import CliRunner

from tertulia.client import ConnectionFailed, RetryPolicy, Unauthenticated
from tertulia.command_line.app import app
from tertulia.command_line.interrupts import interruptible
from tertulia.serving.demo import ACCOUNT, WEBCHAT
from tertulia.simulator.plan import Plan, Seat
from tertulia.simulator.report import words
from tertulia.simulator.report.document import Report
from tertulia.simulator.run.preparation import Preparation
from tertulia.simulator.run.simulation import Simulation
from tertulia.simulator.scenario import loading
from tertulia.simulator.scenario.model import Scenario
from tertulia.simulator.traffic.feed import Event

SHORT = """
name = "short"
about = "Two seconds of everything."
duration = "2s"
[arrivals]
rate = 8.0
[[customers]]
stream = "sse"
turns = 2
turns_fixed = true
think = { mean = "0.05s" }
patience = { mean = "60s" }
writes_twice = 0.5
resends = 0.3
sends_file = 0.5
comes_back = 0.1
comes_back_after = { mean = "0.1s" }
[[agents]]
count = 2
slots = 20
handling = { mean = "0.3s" }
reopened = { mean = "0.1s" }
"""


@pytest.fixture
async def other(server: OwnServer) -> Account:
    """An account of its own: what other tests have left waiting would be assigned to the simulated agents."""
    return (await new_accounts(server, "Simulated"))[0]


def plan(server: OwnServer, scenario: Scenario, of: Account, **changes: Any) -> Plan:
    run = "t" + "".join(secrets.choice("abcdefghkmn23456789") for _ in range(6))
    seats = [
        Seat(f"{run}-{n}", server.token("agent", f"{run}-{n}", of.id)) for n in range(scenario.agent_count)
    ]
    made = Plan(
        run=run, url=server.url, account=of.id, scenario=scenario, channels={"webchat": of.channel}, seats=seats,
        service=server.token("service", "simulator", of.id), admin=server.token("admin", "simulator", of.id),
    )  # fmt: skip
    return replace(made, **changes)


async def simulated(
    server: OwnServer,
    of: Account,
    text: str = SHORT,
    *,
    processes: int = 1,
    keep: bool = False,
    expect: tuple[str, ...] = (),
    **changes: Any,
) -> Report:
    made = plan(server, loading.parsed(text), of, **changes)
    return await Simulation(made, list(expect), processes=processes, keep=keep).run()


async def test_a_short_run_loses_nothing_and_leaves_nothing(server: OwnServer, other: Account) -> None:
    found = await simulated(server, other)
    assert found.passed, (found.verdicts, found.errors, found.samples, found.audit)
    m = found.measures
    assert m["arrived"] > 4 and m["served"] == m["arrived"] and m["unfinished"] == 0 and m["errors"] == 0
    assert m["checked"] > 2 * m["acknowledged"], "the feed, the customer and the agent have all seen it"
    assert found.times["ack"].count == m["acknowledged"] and found.times["delivery"].count > 0
    assert {"POST /v1/webchat/messages", "WS message:send"} <= {q.kind for q in found.requests}
    run = found.run.name
    left = await server.sql(
        "SELECT count(*) FROM contact_identifiers WHERE identifier LIKE $1", f"sim-{run}-%"
    )
    assert left[0][0] == 0
    assert found.notes == []
    assert await server.sql("SELECT user_id FROM agents WHERE user_id LIKE $1", f"{run}-%") == []


async def test_what_is_kept_are_customers_and_agents_who_get_nothing_more(
    server: OwnServer, other: Account
) -> None:
    found = await simulated(server, other, keep=True)
    run = found.run.name
    kept = await server.sql("SELECT is_available FROM agent_preferences WHERE user_id LIKE $1", f"{run}-%")
    assert [row[0] for row in kept] == [False, False]
    kept = await server.sql(
        "SELECT count(*) FROM contact_identifiers WHERE identifier LIKE $1", f"sim-{run}-%"
    )
    assert kept[0][0] == found.measures["arrived"] > 0


async def test_preferences_and_settings_are_put_back(server: OwnServer, other: Account) -> None:
    scenario = loading.parsed(SHORT + '[policy]\nstrategy = "round_robin"\n')
    made = plan(server, scenario, other)
    async with server.client(made.seats[0].token) as agent, server.client(made.admin) as admin:
        await agent.patch(
            "/v1/agent-preferences/me", json={"max_concurrent_conversations": 3, "languages": ["pt"]}
        )
        before = (await agent.get("/v1/agent-preferences/me")).json()
        settings = (await admin.get("/v1/account")).json()["settings"]
        found = await Simulation(made, []).run()
        after = (await agent.get("/v1/agent-preferences/me")).json()
        assert found.passed and found.notes == []
        assert {k: v for k, v in before.items() if k != "updated_at"} == {
            k: v for k, v in after.items() if k != "updated_at"
        }
        assert (await admin.get("/v1/account")).json()["settings"] == settings


async def test_agents_over_other_transports(server: OwnServer, other: Account) -> None:
    before, agents, group = SHORT.partition("[[agents]]")
    groups = [
        agents + group.replace("count = 2", f'count = 2\ntransport = "{t}"') for t in ("sse", "socketio")
    ]
    found = await simulated(server, other, before + "".join(groups), keep=True)
    kinds = " ".join(q.kind for q in found.requests)
    assert "POST /v1/conversations/{id}/messages" in kinds and "message:send" in kinds, "both kinds had work"
    assert found.passed and found.measures["unfinished"] == 0, (found.verdicts, found.errors, found.audit)


async def test_two_processes_make_one_report(server: OwnServer, other: Account) -> None:
    found = await simulated(server, other, processes=2, keep=True)
    assert (
        found.passed and found.run.workers == 2 and found.measures["served"] == found.measures["arrived"]
    ), found.errors


def nth(
    reader: str, n: int, change: Callable[[Event], Iterable[Event]]
) -> Callable[[str, Event], Iterable[Event]]:
    """Breaks one message that a reader gets."""
    seen = itertools.count()

    def tamper(name: str, event: Event) -> Iterable[Event]:
        if name == reader and event["type"] == "conversation:message" and next(seen) == n:
            return change(event)
        return (event,)

    return tamper


def swapper(reader: str) -> Callable[[str, Event], Iterable[Event]]:
    """Swaps the first two messages of a conversation."""
    held: list[Event] = []
    done: list[str] = []

    def tamper(name: str, event: Event) -> Iterable[Event]:
        if name != reader or event["type"] != "conversation:message" or done:
            return (event,)
        if not held:
            held.append(event)
            return ()
        if event["conversation_id"] != held[0]["conversation_id"]:
            return (event,)
        done.append("")
        return (event, held[0])

    return tamper


def leaked(event: Event) -> Iterable[Event]:
    return (
        {
            **event,
            "data": {
                **event["data"],
                "content": event["data"]["content"].replace("-c", "9-c").replace("-a", "9-a"),
            },
        },
    )


@pytest.mark.parametrize(
    ("kind", "tamper"),
    [
        ("lost", nth("customer", 3, lambda event: ())),
        ("duplicated", nth("customer", 5, lambda event: (event, event))),
        ("reordered", swapper("feed")),
        ("leaked", nth("customer", 2, leaked)),
    ],
)  # fmt: skip
async def test_one_broken_message_fails_the_run(
    server: OwnServer,
    other: Account,
    kind: str,
    tamper: Callable[[str, Event], Iterable[Event]],
) -> None:
    found = await simulated(
        server,
        other,
        SHORT.replace("comes_back = 0.1", "comes_back = 0"),
        keep=True,
        tamper=tamper,
        settle=0.5,
    )
    assert (
        found.measures[kind] >= 1 and not found.passed and any(line.startswith(kind) for line in found.audit)
    )


async def test_customers_who_are_not_answered_give_up(server: OwnServer, other: Account) -> None:
    text = """
name = "x"
about = "y"
duration = "3s"
[arrivals]
rate = 10
[[customers]]
patience = { mean = "0.3s" }
silent = 0.5
[[agents]]
count = 1
handling = { mean = "1s" }
dead = { mean = "0.05s" }
"""
    found = await simulated(server, other, text)
    m = found.measures
    assert found.passed, found.verdicts
    assert m["abandoned"] > 0.1 and m["abandoned_silently"] > 0.05 and found.times["wait"].max > 0.1
    assert found.theory is None


async def test_the_report_puts_theory_beside_what_was_measured(server: OwnServer, other: Account) -> None:
    """Few agents and a short run: the intervals are wide, but a server that let customers wait for nothing would miss them."""
    text = """
name = "theory"
about = "y"
duration = "6m"
warm_up = "1m"
scale = 60
[arrivals]
rate = "24/min"
[[customers]]
patience = { mean = "1m" }
[[agents]]
count = 10
handling = { mean = "30s" }
"""
    found = await simulated(server, other, text, keep=True)
    assert found.passed and found.theory is not None, found.verdicts
    lines = {line.name: line for line in found.theory.lines}
    waits, occupancy = lines["had to wait"], lines["occupancy"]
    assert waits.measured and abs(waits.measured.mean - waits.expected) < 0.25
    assert occupancy.measured and abs(occupancy.measured.mean - occupancy.expected) < 0.12
    assert "second of the run is 60 s" in " ".join(found.notes)


async def test_an_interrupted_run_has_a_report_and_leaves_nothing(server: OwnServer, other: Account) -> None:
    made = plan(server, loading.parsed(SHORT.replace('"2s"', '"10m"')), other)

    def progress(report: Report) -> None:
        if report.measures["acknowledged"]:
            simulation.interrupt.set()

    simulation = Simulation(made, [], progress=progress)
    async with server.client(made.service) as service:  # one that no feed has told the simulator of
        path = f"/v1/webchat/{other.channel}/sessions"
        ok(await service.post(path, json={"contact_identifier": f"sim-{made.run}-999"}), 201)
    found = await simulation.run()
    assert found.run.interrupted and 0 < found.run.elapsed < 60 and found.measures["arrived"] > 0
    assert found.measures["lost"] == found.measures["failed"] == 0, (found.audit, found.errors)
    assert words.headline(found).startswith("Interrupted after") and "of 600 s" in words.headline(found)
    kept = await server.sql(
        "SELECT count(*) FROM contact_identifiers WHERE identifier LIKE $1", f"sim-{made.run}-%"
    )
    agents = await server.sql("SELECT user_id FROM agents WHERE user_id LIKE $1", f"{made.run}-%")
    assert (kept[0][0], agents) == (0, [])


async def test_cleaning_up_after_a_server_that_is_gone_is_soon_over(
    server: OwnServer, other: Account
) -> None:
    made = plan(server, loading.parsed(SHORT), other, url="http://127.0.0.1:9")
    preparation = Preparation(made, RetryPolicy(attempts=1))
    await preparation.restore([str(n) for n in range(1000)], keep=False)
    (note,) = preparation.notes
    assert "did not answer" in note and "customers (1,000)" in note and f"sim-{made.run}-" in note


async def test_the_first_signal_ends_a_run_and_the_second_at_once() -> None:
    stopped = asyncio.Event()

    async def run() -> None:
        with interruptible(stopped.set):
            os.kill(os.getpid(), signal.SIGINT)
            await stopped.wait()
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(run())


async def test_a_server_that_refuses_or_is_not_there_is_told(server: OwnServer, other: Account) -> None:
    with pytest.raises(Unauthenticated):
        await simulated(server, other, admin="no token")
    with pytest.raises(ConnectionFailed):
        await simulated(server, other, url="http://127.0.0.1:9")


async def command(server: OwnServer, folder: Path, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tertulia", *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TERTULIA_DATA": str(server.data), "PYTHONPATH": str(ROOT), "TERTULIA_URL": server.url},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_command_line(server: OwnServer, other: Account, tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(SHORT)
    code, output = await command(
        server, tmp_path, "simulate", "short.toml", "--account", other.id, "--channel", f"webchat={other.channel}", "--expect", "p99(ack)<1us", "--report", "made",
    )  # fmt: skip
    assert code == 1 and "Failed: p99(ack)<1us" in output and output.strip().endswith("made/report.html")
    report = json.loads((tmp_path / "made/report.json").read_text())
    assert (
        report["measures"]["lost"] == 0 and report["run"]["server"] and report["run"]["parameters"]["expect"]
    )
    code, output = await command(server, tmp_path, "simulate", "compare", "made", "made")
    assert code == 0 and (tmp_path / "made/comparison.html").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "there is no scenario 'nothing'"),
        (["--expect", "p99(x)<1s"], "p99 of what?"),
        (["--rate", "quick"], "--rate must be a rate"),
        (["compare", "a"], "compare takes two reports"),
        (["compare", "a", "b"], "a report cannot be read"),
        (["first-look", "more"], "unexpected 'more'"),
        (["--tokens", "none.txt"], "cannot be read"),
        (
            ["--url", "localhost:8080"],
            "--url must be a URL such as http://127.0.0.1:8080 (given: 'localhost:8080')",
        ),
        (["--double", "nowhere"], "--double must be a URL"),
        (["--account", "mine"], "--account must be a UUID (given: 'mine')"),
        (["--channel", "webchat"], "--channel must be TYPE=ID"),
        (["--report", "/dev/null/report"], "the report cannot be written: /dev/null is not a folder"),
        (["--expect", "p99(ack)<100"], "p99(ack) is a time: say 100ms"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    server: OwnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"TERTULIA_DATA": str(server.data), "TERTULIA_URL": server.url}
    ended = CliRunner().invoke(app, ["simulate", *words], env=environment)
    assert ended.exit_code == 2 and said in ended.output and "Traceback" not in ended.output, ended.output


async def test_many_tokens_for_other_tools(server: OwnServer, tmp_path: Path) -> None:
    code, output = await command(
        server, tmp_path, "token", "--account", ACCOUNT, "--user", "load", "--many", "3"
    )
    tokens = output.split()
    assert code == 0 and len(set(tokens)) == 3
    async with server.client(tokens[2]) as client:
        assert (await client.get("/v1/agent-preferences/me")).json()["user_id"] == "load-3"
    (tmp_path / "tokens.txt").write_text(output)
    code, output = await command(
        server, tmp_path, "simulate", "--tokens", "tokens.txt", "--channel", f"webchat={WEBCHAT}"
    )
    assert code == 2 and "0 tokens of the role service" in output


async def test_what_agents_hold_already_takes_no_slot_from_a_run(server: OwnServer, other: Account) -> None:
    scenario = loading.parsed(
        SHORT.replace("count = 2\nslots = 20", "count = 1\nslots = 1").replace("rate = 8.0", "rate = 1.0")
    )
    made = plan(server, scenario, other)
    agent, service = made.seats[0], server.client(made.service)
    async with service, server.client(agent.token) as own:
        await own.patch("/v1/agent-preferences/me", json={"max_concurrent_conversations": 1})
        opened = await service.post(
            "/v1/conversations", json={"channel_id": other.channel, "contact_identifier": f"held-{made.run}"}
        )
        id = opened.json()["id"]
        taken = await service.post(f"/v1/conversations/{id}/assign", json={"agent_id": agent.user_id})
        assert taken.status_code == 200, taken.text
        found = await Simulation(made, []).run()
        assert found.passed and found.measures["served"] == found.measures["arrived"] > 0, (
            found.verdicts,
            found.errors,
        )
        left = (await service.get(f"/v1/conversations/{id}")).json()
        assert (left["assignee_id"], left["status"]) == (agent.user_id, "assigned")
        assert (await own.get("/v1/agent-preferences/me")).json()["max_concurrent_conversations"] == 1
        await service.patch(f"/v1/conversations/{id}", json={"status": "resolved"})
