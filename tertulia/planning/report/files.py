"""The report of a replay: report.html, report.json, figures.csv."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec

from ..comparison import Comparison
from ..self_replay import Agreement
from .page import page


class Report(msgspec.Struct, frozen=True):
    """`agreement`: whether the record is complete."""

    account_id: str
    agreement: Agreement
    comparison: Comparison | None = None


def write(report: Report, folder: Path) -> Path:
    """Write the files; the path of the one to open. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report, enc_hook=_encoded)))
    if report.comparison is None:
        return folder / "report.json"
    (folder / "figures.csv").write_text(_csv(report.comparison))
    (folder / "report.html").write_text(page(report.account_id, report.agreement, report.comparison))
    return folder / "report.html"


def _csv(c: Comparison) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ("measure", "recorded", "present", "present_low", "present_high", "other", "other_low", "other_high",
         "difference", "difference_low", "difference_high", "verdict")
    )  # fmt: skip
    for f in c.figures:
        three = (x for i in (f.present, f.other, f.difference) for x in (i.mean, i.low, i.high))
        rows.writerow((f.name, f.recorded, *three, f.verdict))
    return text.getvalue()


def _encoded(value: object) -> object:
    if isinstance(value, float):  # a time of the policy, in seconds
        return float(value)
    raise NotImplementedError(type(value))
