"""The composition of the intent classifier."""

from __future__ import annotations

from ..actors.host.analysis.classifier_client import HttpClassifier
from ..settings import Settings


def classifier(settings: Settings) -> HttpClassifier | None:
    """The configured classifier, or None. Needs a running loop; the caller closes it."""
    if settings.classifier_url is None:
        return None
    return HttpClassifier(settings.classifier_url, settings.classifier_key, settings.classifier_timeout)
