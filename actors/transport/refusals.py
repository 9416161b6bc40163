"""Errors as they travel between processes, and back."""

from __future__ import annotations

from ...core.conversation.commands import Refused
from ...core.errors import BY_CODE, Internal, TertuliaError


def refusal(error: TertuliaError) -> Refused:
    """The error as an outcome."""
    return Refused(error.code, error.detail, error.current, tuple(error.errors), error.retry_after)


def error_of(refused: Refused) -> TertuliaError:
    """The outcome as an error."""
    cls = BY_CODE.get(refused.code, Internal)
    return cls(
        refused.detail, errors=refused.errors, current=refused.current, retry_after=refused.retry_after
    )
