"""Figures of the faults, printed after the run."""

from __future__ import annotations

import pytest
from load import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("faults: what was measured (seconds)")
        for line in FIGURES:
            terminalreporter.write_line(line)
