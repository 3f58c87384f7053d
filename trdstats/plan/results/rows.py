"""Every number of a run in one table: one row a statistic, in the shape of analysis results data.

The shape is that of the Analysis Results Data of CDISC (Analysis Results Standard 1.0, 2024): what
was analysed and how, for which groups, then the name and the value of one statistic.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import PlanError, TrdstatsError, why_unreadable
from trdstats.kinds import label_of
from trdstats.plan.confirmatory import judge_sections
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Section

RESULTS = "results.json"
FORMAT = "trdstats results 1"
COLUMNS = (
    "result_id", "analysis_id", "variable", "group", "method", "stat_name", "stat_label", "value",
    "stat_format", "reason",
)  # fmt: skip

_LABELS = {
    "estimate": "Estimate",
    "std_error": "Standard error",
    "df": "Degrees of freedom",
    "statistic": "Test statistic",
    "p_value": "p value",
    "p_adjusted": "Adjusted p value",
    "conf_low": "Lower confidence limit",
    "conf_high": "Upper confidence limit",
    "conf_level": "Confidence level",
}
# Numbers that say which estimate a row is; all other numbers are statistics of it.
_NUMBERS_THAT_NAME = {
    "day", "visit", "time", "tau", "horizon", "from_day", "to_day", "delta", "quantile", "step",
    "probability",
}  # fmt: skip
_VARIABLES = ("outcome", "variable", "covariate", "scale_name")
_WORDS_BESIDE = ("reason", "scale", "label", "title", "note")
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_WORDS_OF = {"nan": None, "inf": "Infinity", "-inf": "-Infinity"}

_Row = tuple[str, str, str, dict[str, str], str, str, str, float, str, str]  # cells of `COLUMNS`


def result_rows(sections: Iterable[Section]) -> pd.DataFrame:
    """Return the results of all sections, one row a statistic.

    Returns
    -------
    pandas.DataFrame
        result_id (the same whenever the same question is asked), analysis_id (the step),
        variable, group (a mapping of what singles the estimate out), method, stat_name,
        stat_label, value (NaN where not estimable), stat_format, reason.
    """
    rows = [row for section in sections for row in _rows_of(section)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def plan_rows(plan: Plan, sections: Sequence[Section]) -> pd.DataFrame:
    """Return the results of all sections, then what the confirmatory ones came to.

    Returns
    -------
    pandas.DataFrame
        As `result_rows`; the analysis of the verdicts is called "confirmatory".
    """
    rows = result_rows(sections)
    if plan.confirmatory is None:
        return rows
    try:
        judged = judge_sections(plan.confirmatory, sections)
    except PlanError:  # the report and the run say so
        return rows
    verdicts = pd.DataFrame(list(_rows_of_table("confirmatory", judged, {})), columns=rows.columns)
    return pd.concat([rows, verdicts], ignore_index=True)


def _rows_of(section: Section) -> Iterator[_Row]:
    """Yield the statistics of the table of results, then those of the other tables."""
    if section.results is not None:
        yield from _rows_of_table(section.key, section.results, {})
    for name, frame in section.frames.items():
        is_in_results = frame is section.results or name in section.in_results
        if not is_in_results and "subject" not in frame:  # data of subjects are no results
            yield from _rows_of_table(section.key, frame, {"table": name})


def _rows_of_table(key: str, table: pd.DataFrame, place: Mapping[str, str]) -> Iterator[_Row]:
    """Yield the cells of `COLUMNS` for every statistic of a table."""
    names = [str(c) for c in table.columns if _names_estimate(table[c], str(c))]
    statistics = [str(c) for c in table.columns if _is_statistic(table[c], str(c))]
    applying = {
        measure: [(s, _LABELS.get(s, s.replace("_", " ")), _format_of(s)) for s in of_measure]
        for measure, of_measure in _by_measure(table, statistics).items()
    }
    seen: dict[str, int] = {}
    for record in table.to_dict("records"):
        labels = {c: label for c in names if (label := label_of(record[c])) is not None}
        identified = {**place, **labels}
        identifier = result_id(key, identified)
        seen[identifier] = seen.get(identifier, 0) + 1
        if seen[identifier] > 1:  # rows that nothing tells apart keep their order
            identifier = f"{identifier}-{seen[identifier]}"
        variable = next((identified[v] for v in _VARIABLES if v in identified), "")
        group = {k: v for k, v in identified.items() if k not in _VARIABLES}
        method = label_of(record.get("method")) or ""
        reason = label_of(record.get("reason")) or ""
        for name, label, form in applying[record.get("measure")]:
            value = _as_float(record[name])
            yield identifier, key, variable, group, method, name, label, value, form, reason


def _as_float(value: Any) -> float:
    return math.nan if value is None or value is pd.NA else float(value)


def _by_measure(table: pd.DataFrame, statistics: list[str]) -> dict[Any, list[str]]:
    """Return the statistics that a measure has: those of other measures are no gaps of it.

    An estimate that could not be had has a reason, and is a gap.
    """
    if "measure" not in table:
        return {None: statistics}
    return {
        measure: [
            s
            for s in statistics
            if part[s].notna().any() or (s == "estimate" and _has_reason(part))
        ]
        for measure, part in table.groupby("measure", sort=False)
    }


def _has_reason(rows: pd.DataFrame) -> bool:
    return "reason" in rows and bool(rows["reason"].map(label_of).astype(bool).any())


def result_id(step: str, group: Mapping[str, str]) -> str:
    """Return the identifier of an estimate: its step, and eight digits of what singles it out."""
    text = _ENCODE(dict(sorted(group.items())))
    return f"{step}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _names_estimate(column: pd.Series, name: str) -> bool:
    if name in _WORDS_BESIDE:
        return False
    return name in _NUMBERS_THAT_NAME or not _is_numeric(column)


def _is_statistic(column: pd.Series, name: str) -> bool:
    return name not in _NUMBERS_THAT_NAME and _is_numeric(column)


def _is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers or verdicts: a verdict is a statistic, 1 or 0."""
    if column.dtype.kind in "biuf" or pd.api.types.is_numeric_dtype(column):
        return True
    known = column.dropna()
    return bool(len(known)) and all(isinstance(v, bool | np.bool_) for v in known)


def _format_of(name: str) -> str:
    if name.startswith("n_") or name in ("n", "events", "count"):
        return ".0f"
    return ".4f" if name.startswith("p_") else ".4g"


def write_results(rows: pd.DataFrame, about: Mapping[str, Any], path: Path) -> None:
    """Write the table of `result_rows` as JSON, one line a statistic.

    Parameters
    ----------
    rows : DataFrame
    about : mapping
        Written before the results: versions, fingerprints, the number of the plan.
    path : Path
    """
    head = json.dumps({"format": FORMAT, **about}, indent=2, ensure_ascii=False)
    body = ",\n    ".join(_to_json(cells) for cells in rows.itertuples(index=False, name=None))
    text = f'{head[:-2]},\n  "results": [\n    {body}\n  ]\n}}\n'
    path.write_text(text, "utf-8", newline="\n")


def _to_json(cells: _Row) -> str:
    row: dict[str, Any] = dict(zip(COLUMNS, cells, strict=True))
    if not math.isfinite(row["value"]):
        row["value"] = _WORDS_OF[str(row["value"])]
    return _ENCODE(row)


@checked
def read_results(path: str | Path) -> pd.DataFrame:
    """Read the numbers of a run.

    Parameters
    ----------
    path : str or Path
        The folder of a run, or its ``results.json``.

    Returns
    -------
    pandas.DataFrame
        One row a statistic: result_id, analysis_id (the step of the plan), variable, group (a
        mapping), method, stat_name, stat_label, value (NaN where not estimable), stat_format,
        reason.

    Raises
    ------
    TrdstatsError
        When the file is not there or holds something else.
    """
    path = Path(path)
    path = path / RESULTS if path.is_dir() else path
    if not path.is_file():
        raise TrdstatsError(f"There are no results {str(path)!r}: name the folder of a run.")
    try:
        data = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise TrdstatsError(f"{str(path)!r} cannot be read: {why_unreadable(error)}.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise TrdstatsError(f"{str(path)!r} holds no results of trdstats ({FORMAT!r}).")
    frame = pd.DataFrame(data["results"], columns=list(COLUMNS))
    return frame.assign(value=[math.nan if v is None else float(v) for v in frame["value"]])
