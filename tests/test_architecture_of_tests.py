"""Architecture tests of the tests themselves: they patch nothing of the product, and wait for events instead of sleeping."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain

from test_architecture import ROOT, dotted, imports, parse

PATCHES = {
    "actors.supervisor.account.account_desk.AccountDesk.on_entries": "a fault of ours in the middle of an account",
    "http.framework.bodies.decode": "a fault of ours in the middle of the fast path",
    "storage.embedded.postgres.USER": "an initdb that fails",
    "storage.embedded.postgres.installation": "an installation below a folder that only root may enter",
    "storage.embedded.runas.NAMESPACE": "a machine without user namespaces",
    "storage.embedded.runas.switched": "a machine on which no other user can be used",
    "storage.postgres.conversations.journal.COMMIT": "a commit without a fence, which the oracle must notice",
}
"""Patches of modules and classes of the product, each with its reason."""

SLEEPS = {
    "the one loop that looks again and again": ("waiting.py:until", "cases/world.py:until"),
    "a client's pace, where the pace is what is tested": (
        "acceptance/test_noisy_streams.py:attack",
        "acceptance/test_noisy_streams.py:test_slow_readers_of_one_account_keep_little_in_memory.read_nothing",
        "browser/test_agent_hour.py:test_an_agents_hour",
        "browser/test_speed.py:test_sixty_messages_a_second.one",
        "browser/test_widget_speed.py:test_how_fast_it_opens_and_paints.one",
        "faults/approval_races.py:Races._said",
        "faults/approval_races.py:_late",
        "client/test_npm_package.py:test_streams_survive_killed_gateways_and_expired_tokens",
        "client/test_transport.py:test_a_call_ends_at_its_deadline.never",
        "fuzz/test_fuzz_pipelining.py:talk.send",
        "http/connection/test_deadlines.py:trickle",
        "http/connection/test_deadlines.py:test_a_body_at_the_rate_may_take_longer_than_the_deadline",
        "http/connection/test_deadlines.py:test_a_connection_in_use_lives_on_and_an_idle_one_does_not",
        "http/connection/test_deadlines.py:test_who_reads_slowly_but_steadily_gets_all_of_it",
        "http/connection/test_http_rules.py:test_a_header_in_many_reads_is_bounded",
    ),
    "a client's pause before it tries again": (
        "browser/test_cuts.py:test_pages_survive_a_gateway_killed_again_and_again.write",
        "faults/load.py:Load._post",
        "faults/load.py:Load._write",
        "faults/test_provider_retries.py:test_a_host_and_a_gateway_are_killed_under_calls.deliver",
        "readers.py:Reader._run",
        "cluster/assignments.py:assignments.assign",
        "cluster/storm.py:_until_taken",
        "cluster/storm_readers.py:Stream.open",
        "cluster/takeovers.py:owners.watch",
        "cluster/service.py:Balancer._check",
        "cluster/service.py:Service.until_shares",
    ),
    "how long a double takes": (
        "faults/test_storage.py:Way._carry",
        "http/actions/test_uploads.py:test_time_that_we_take_ourselves_does_not_count",
        "http/connection/test_deadlines.py:test_a_handler_that_takes_long_is_no_fault_of_its_client.slow",
        "storage/test_sending.py:test_a_dispatcher_is_killed_while_it_sends.slowly",
        "storage/test_sending.py:test_the_order_within_a_conversation_is_kept.behave",
    ),
    "a measure's pace": ("theory/beside_wrk.py:wrk", "theory/memory.py:Memory.watch"),
    "how long a fault lasts": (
        "acceptance/test_noisy_connections.py:test_connections_that_are_held_cost_only_who_holds_them",
        "cluster/chaos.py:run",
        "cluster/machine_faults.py:clock",
        "cluster/machine_faults.py:cut.fault",
        "cluster/machine_faults.py:cut_one_way.fault",
        "cluster/machine_faults.py:disk_full",
        "cluster/machine_faults.py:freeze",
        "cluster/machine_faults.py:head",
        "cluster/machine_faults.py:head_alone.fault",
        "cluster/machine_faults.py:lossy",
        "cluster/machine_faults.py:slow",
        "cluster/machine_faults.py:supervisor",
        "cluster/machine_faults.py:blackout",
        "cluster/soak.py:soak.fault",
        "cluster/load_scaling.py:autoscale",
        "cluster/load_scaling.py:_client",
        "cluster/planned_changes.py:serve_killed",
        "cluster/planned_changes.py:supervisors",
        "cluster/storage_faults.py:postgres",
        "cluster/storage_faults.py:postgres_failover",
        "cluster/storage_faults.py:valkey_failover",
        "cluster/storage_faults.py:valkey_gone",
        "cluster/stores.py:ValkeyPair.fail_over",
        "browser/test_npm_client.py:test_streams_in_a_browser_survive_a_lost_network",
        "faults/test_clocks.py:_tokens_go_by_the_clock",
        "faults/test_storage.py:test_a_database_out_of_reach",
        "faults/test_supervision_killed.py:_kill_now_and_then",
        "theory/replay_day.py:killed",
    ),
}
"""Functions that may sleep, by the reason why there is no event to wait for."""


PATCHING = re.compile(r"\b(setattr|patch|object)\b")
SLEEPING = re.compile(r"\bsleep\b")


def of_the_product(tree: ast.Module) -> dict[str, str]:
    """Names that stand for modules and classes of `tertulia`, and what they stand for."""
    known = {}
    for node, level, module, name in imports(tree):
        if (
            level == 0
            and module.split(".")[0] == "tertulia"
            and isinstance(node, ast.Import | ast.ImportFrom)
        ):
            for alias in node.names:
                if alias.name == name or not name:
                    known[alias.asname or alias.name] = f"{module}.{name}" if name else module
    return known


def patches(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What of the product is replaced while a test runs, and in which line."""
    known = of_the_product(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called, first = dotted(node.func), node.args[0]
        if called.rpartition(".")[2] not in ("setattr", "patch", "object"):
            continue
        words = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        root, _, rest = dotted(first).partition(".")
        if isinstance(first, ast.Constant) and words and words[0].startswith("tertulia."):
            yield words[0].removeprefix("tertulia."), node.lineno
        elif root in known and len(words) == 1:
            target = ".".join(filter(None, [known[root], rest, words[0]]))
            yield target.removeprefix("tertulia."), node.lineno


def sleeps(node: ast.AST, within: str = "") -> Iterator[tuple[str, int]]:
    """Functions that let time pass by the clock. `asyncio.sleep(0)` only lets other tasks run."""
    if isinstance(node, ast.Call) and dotted(node.func) in ("asyncio.sleep", "time.sleep", "sleep"):
        seconds = node.args[0]
        if not (isinstance(seconds, ast.Constant) and seconds.value == 0):
            yield within, node.lineno
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        within = f"{within}.{node.name}".lstrip(".")
    for child in ast.iter_child_nodes(node):
        yield from sleeps(child, within)


def sources_with(words: re.Pattern[str]) -> dict[str, ast.Module]:
    """The tests' modules that hold one of the words a checker looks for; the others need not be parsed."""
    return {
        str(path.relative_to(ROOT / "tests")): parse(source)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if words.search(source := path.read_text())
    }


SAMPLE = """
import time
import asyncio
from tertulia.http.streams import replays as module
from tertulia.core.turn.bot import Bot
def test_a(monkeypatch, store):
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr("tertulia.core.turn.bot.LONGEST", 3)
    monkeypatch.setattr(Bot, "answer", None)
    monkeypatch.setattr(store, "read", None)
    monkeypatch.setattr(time, "time", None)
class Rig:
    async def work(self):
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
"""


def test_the_checkers_see_patches_and_sleeps() -> None:
    tree = ast.parse(SAMPLE)
    assert PATCHING.search(SAMPLE) and SLEEPING.search(SAMPLE)
    found = ["http.streams.replays.PAGE", "core.turn.bot.LONGEST", "core.turn.bot.Bot.answer"]
    assert [what for what, _ in patches(tree)] == found
    assert list(sleeps(tree)) == [("Rig.work", 15)], "asyncio.sleep(0) lets others run, and no time pass"


def test_the_product_is_not_patched() -> None:
    found = {
        what: f"{path}:{line}"
        for path, tree in sources_with(PATCHING).items()
        for what, line in patches(tree)
    }
    assert {what: where for what, where in found.items() if what not in PATCHES} == {}
    assert PATCHES.keys() <= found.keys(), "an exception that is no longer needed"


def test_nothing_sleeps_where_there_is_an_event() -> None:
    found = {
        f"{path}:{who}": line for path, tree in sources_with(SLEEPING).items() for who, line in sleeps(tree)
    }
    allowed = set(chain(*SLEEPS.values()))
    assert {where: line for where, line in found.items() if where not in allowed} == {}
    assert allowed <= found.keys(), "an exception that is no longer needed"
