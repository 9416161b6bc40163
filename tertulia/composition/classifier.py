"""The composition of the classifier that an operator may set."""

from __future__ import annotations

from ..actors.host.classifier_client import HttpClassifier
from ..settings import Settings


def classifier(settings: Settings) -> HttpClassifier | None:
    """Make it where a loop runs; `close` it. None: there is none."""
    if settings.classifier_url is None:
        return None
    return HttpClassifier(settings.classifier_url, settings.classifier_key, settings.classifier_timeout)
