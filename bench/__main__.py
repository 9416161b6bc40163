"""`python -m bench`: run the measures, show a table, and store the results under bench/results/.

Exits with code 1 if a measure fails, for example because the server lost an acknowledged message. Missed goals are shown but
are not a failure, since a busy machine misses them too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .measures import ALL
from .measures.bench import Bench
from .processes import ROOT
from .results import BUSY, Results, save, table

RESULTS = ROOT / "bench" / "results"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter measurements, for a first look")
    parser.add_argument("--rounds", type=int, help="rounds of each measure (3; 2 with --quick)")
    parser.add_argument("--only", nargs="+", choices=[*ALL], metavar="NAME", help=f"of {', '.join(ALL)}")
    parser.add_argument("--messages", type=int, default=50_000, help="messages that are searched (50000)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    return parser.parse_args()


def machine() -> dict[str, str]:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        "",
    )
    names = ("ray", "aiohttp", "asyncpg", "msgspec", "uvloop")
    return {
        "CPU": f"{os.cpu_count()} × {model or platform.machine()}",
        "load at start": f"{os.getloadavg()[0]:.1f}",
        "Python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


async def run(chosen: list[str], results: Results, console: Console, messages: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tertulia-bench-"))
    bench = Bench(folder, rounds=results.rounds, quick=results.quick, messages=messages)
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    progress = Progress(
        TextColumn("[bold]{task.fields[name]:>10}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        refresh_per_second=2,  # leave the cores to what is measured
    )
    try:
        with progress:
            whole = progress.add_task("", name="all", total=len(chosen))
            for name in chosen:
                row = progress.add_task("", name=name, total=None)

                def step(text: str, row: int = row) -> None:
                    progress.update(row, description=text)  # type: ignore[arg-type]

                bench.step = step
                try:
                    results.figures += await ALL[name](bench)
                    progress.update(row, description="[green]done", total=1, completed=1)
                except Exception as error:
                    results.failures[name] = f"{type(error).__name__}: {error}"
                    progress.update(row, description=f"[red]{type(error).__name__}: {error}"[:300], total=1)
                progress.stop_task(row)
                progress.advance(whole)
            bench.step = lambda _: None
    finally:
        await bench.stop_servers()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    options = arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    results = Results(
        started=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        quick=options.quick,
        rounds=options.rounds or (2 if options.quick else 3),
        machine=machine(),
    )
    console = Console(width=None if sys.stdout.isatty() else 150)
    if results.busy:
        console.print(f"[yellow]{BUSY}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            run(
                [name for name in ALL if not options.only or name in options.only],
                results,
                console,
                options.messages,
            )
        )
    results.seconds = time.monotonic() - began
    console.print(table(results))
    save(results, options.out)
    console.print(f"results in {options.out}  ({results.seconds:.0f} s)")
    sys.exit(1 if results.failures else 0)


if __name__ == "__main__":
    main()
