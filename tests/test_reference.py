"""The generated pages of docs/ are what the code's tables say."""

from __future__ import annotations

import pytest
from reference import INTERNAL, PAGES, ROOT

from tertulia.core.errors import BY_CODE
from tertulia.http.framework.problems import STATUS
from tertulia.http.routes.streams.messages import ANY_ERRORS, MESSAGES
from tertulia.http.streams.session import CLOSE_REASONS, CloseCode


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run `make reference`"


def test_every_code_that_the_tables_name_exists() -> None:
    named = {code for message in MESSAGES.values() for code in message.errors} | set(ANY_ERRORS)
    assert named <= set(BY_CODE) - INTERNAL
    assert {code for reason in CLOSE_REASONS.values() for code in reason.errors} <= set(STATUS)


def test_every_close_code_has_a_reason() -> None:
    assert set(CLOSE_REASONS) == set(CloseCode)
