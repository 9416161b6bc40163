"""For tests that provoke hundreds of faults: their logs (and the drawing of tracebacks) go nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield
