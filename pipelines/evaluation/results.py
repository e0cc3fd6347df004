"""The figures of the README: collected from reports into one JSON file, and written into the README as tables."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.errors import InvalidData

MARK, END = "<!-- results: written by make results -->", "<!-- end of results -->"
ROWS = {
    "false_clear_rate": "false clears: ineligible calls suggested ELIGIBLE",
    "dangerous_clear_rate": "dangerous calls cleared",
    "veto_recall": "dangerous calls vetoed",
    "false_veto_rate": "false vetoes",
    "over_veto_rate": "eligible calls vetoed",
    "recall": "eligible calls found",
    "precision": "eligible among those suggested ELIGIBLE",
    "missed_eligible_rate": "eligible calls turned away",
    "review_share": "share left to REVIEW",
    "auc": "area under the ROC curve",
    "average_precision": "average precision",
    "calibration_error": "calibration error",
    "calibration_error_where_decided": "calibration error from probability 0.3 on",
}
SHIFT = ("suggested ELIGIBLE", "vetoed", "left to REVIEW")


def gather(reports: Mapping[str, Path]) -> dict[str, Any]:
    """Return the figures of reports (`heartline evaluate --json`) by the title of their column.

    The baselines are those of the first report. Raises `InvalidData` for a file that is not a report.
    """
    columns: list[dict[str, Any]] = []
    baselines: list[dict[str, Any]] = []
    baselines_of = next(iter(reports), "")
    for title, path in reports.items():
        report = _read(path)
        evaluation = report["evaluation"]
        columns.append({
            "title": title, "data": report["data"], "measured": report["made_at"], "model": report["versions"]["model"],
            "figures": evaluation["figures"], "per_100_calls": evaluation["per_100_calls"],
            "latency_ms": evaluation["latency_ms"], "findings": report["findings"], "not_shown": report["not_shown"],
        })  # fmt: skip
        baselines = baselines or report["compared"]
    return {"columns": columns, "baselines": baselines, "baselines_of": baselines_of}


def markdown(results: Mapping[str, Any]) -> str:
    """Return the tables of the README."""
    heading = f"Simpler ways of choosing, on {results['baselines_of']}:"
    return f"{_figures(results['columns'])}\n\n{heading}\n\n{_baselines(results)}"


def write_into(readme: Path, results: Mapping[str, Any]) -> None:
    """Replace the tables between the marks of a README; raise `InvalidData` where it lacks them."""
    text = readme.read_text(encoding="utf-8")
    if MARK not in text or END not in text:
        raise InvalidData("the README has no place for results", value=str(readme), remedy=f"put {MARK} and {END} into it")
    tables = f"{MARK}\n{markdown(results)}\n{END}"
    readme.write_text(
        re.sub(f"{re.escape(MARK)}.*?{re.escape(END)}", lambda _: tables, text, flags=re.DOTALL), encoding="utf-8"
    )


def _figures(columns: list[dict[str, Any]]) -> str:
    """Return the table of figures, a column for each report; a row that no report has is left out."""
    lines = [f"| | {' | '.join(column['title'] for column in columns)} |", f"|---{'|---' * len(columns)}|"]
    for name, label in ROWS.items():
        if any(name in column["figures"] for column in columns):
            lines.append(f"| {label} | {' | '.join(_shown(column['figures'].get(name)) for column in columns)} |")
    for name in SHIFT:
        if any(name in column["per_100_calls"] for column in columns):
            cells = (_per_100(column["per_100_calls"].get(name)) for column in columns)
            lines.append(f"| in a shift of 100 calls: {name} | {' | '.join(cells)} |")
    times = (f"{column['latency_ms']['p50']:.2f} ms ({column['latency_ms']['p99']:.1f} ms)" for column in columns)
    return "\n".join([*lines, f"| one decision, median (99th percentile) | {' | '.join(times)} |"])


def _baselines(results: Mapping[str, Any]) -> str:
    """Return the table of simpler ways of choosing."""
    lines = ["| way of choosing | eligible found | ineligible cleared | dangerous cleared |", "|---|---|---|---|"]
    for way in results["baselines"]:
        cells = " | ".join(_range(way[name]) for name in ("recall", "false_clear", "dangerous_clear"))
        lines.append(f"| {way['name']} | {cells} |")
    return "\n".join(lines)


def _shown(figure: Mapping[str, Any] | None) -> str:
    """Return a figure with its interval and its number of calls."""
    if figure is None or not figure["n"]:
        return "not measured"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f}, n={figure['n']:,})"


def _range(figure: Mapping[str, Any]) -> str:
    """Return a figure with its interval."""
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" if figure["n"] else "not measured"


def _per_100(figure: Mapping[str, Any] | None) -> str:
    """Return a number of calls in 100 with its interval."""
    return "not measured" if figure is None else f"{figure['value']:.1f} ({figure['low']:.1f} to {figure['high']:.1f})"


def _read(path: Path) -> dict[str, Any]:
    """Return a report; raise `InvalidData` where the file is not one."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        report = {}
    if not {"evaluation", "compared"} <= set(report):
        remedy = "heartline evaluate --json FILE writes one"
        raise InvalidData("the file is not a report", value=str(path), remedy=remedy)
    return report
