"""The report's files: report.json, report.html, requests.csv, junit.xml."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

from . import words
from .document import Report, encoded
from .page import page


def write(report: Report, folder: Path) -> Path:
    """Write all forms into a folder, made if missing. Returns the page's path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(encoded(report))
    (folder / "requests.csv").write_text(requests_csv(report))
    (folder / "junit.xml").write_text(junit(report))
    shown = folder / "report.html"
    shown.write_text(page(report))
    return shown


def requests_csv(report: Report) -> str:
    """A row for each kind of request; times in milliseconds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "kind",
            "count",
            "failed",
            "mean_ms",
            "p50_ms",
            "p90_ms",
            "p95_ms",
            "p99_ms",
            "max_ms",
            "statuses",
            "sent_bytes",
            "received_bytes",
        ]
    )
    for q in report.requests:
        t = q.times
        times = [f"{x * 1000:.3f}" for x in (t.mean, t.p50, t.p90, t.p95, t.p99, t.max)]
        statuses = " ".join(f"{status}:{count}" for status, count in q.statuses.items())
        writer.writerow([q.kind, t.count, q.failed, *times, statuses, q.sent_bytes, q.received_bytes])
    return out.getvalue()


def junit(report: Report) -> str:
    """Each condition as a test case, for continuous integration."""
    failed = [v for v in report.verdicts if not v.holds]
    suite = ElementTree.Element(
        "testsuite", name=f"tertulia simulate: {report.scenario['name']}", tests=str(len(report.verdicts) + report.run.interrupted), failures=str(len(failed)),
        errors=str(int(report.run.interrupted)), time=f"{report.run.elapsed:.3f}", timestamp=report.run.started_at,
    )  # fmt: skip
    for v in report.verdicts:
        case = ElementTree.SubElement(suite, "testcase", classname="simulation", name=v.text)
        if not v.holds:
            measured = words.measure(v.text, v.value) if v.value is None else f"{v.value:g}"
            ElementTree.SubElement(case, "failure", message=f"measured: {measured}")
    if report.run.interrupted:
        case = ElementTree.SubElement(suite, "testcase", classname="simulation", name="runs to its end")
        ElementTree.SubElement(case, "error", message=words.headline(report))
    if report.limited:
        ElementTree.SubElement(suite, "system-out").text = "the generator was a bottleneck: " + "; ".join(
            report.limited
        )
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
