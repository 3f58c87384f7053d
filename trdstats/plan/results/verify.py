"""Two runs compared, or a run repeated: which numbers moved, and what else differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import SpecError, count_of
from trdstats.plan.carrying_out import analyse
from trdstats.plan.manifest import (
    ALTERED,
    altered_files,
    build_manifest,
    fingerprint_data,
    read_manifest,
)
from trdstats.plan.plan import Plan
from trdstats.plan.results.changes import compare_results
from trdstats.plan.results.rows import plan_rows, read_results
from trdstats.study import study_from_mapping
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_significant

TOLERANCE = 1e-8  # numbers of two machines agree to this part of their size
_SHOWN = 50


@dataclass(frozen=True, repr=False, eq=False)
class RunDifference(SummaryMixin):
    """What differs between two runs.

    Attributes
    ----------
    changed : pandas.DataFrame
        As from `compare_results`: one row a statistic that differs.
    reasons : tuple of str
        What differs beside the numbers: data, plan, versions; a file changed after it was written.
    compared : int
        How many statistics both have.
    tolerance : float
        Part of the larger value up to which two numbers agree.
    """

    changed: pd.DataFrame
    reasons: tuple[str, ...]
    compared: int
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether every number agrees, and no stored file was changed by hand."""
        return self.changed.empty and not any(r.startswith(ALTERED) for r in self.reasons)

    def summary(self) -> Summary:
        """Return the numbers that differ, and why they may."""
        count = len(self.changed)
        lone = {
            name: int((self.changed["change"] == change).sum())
            for name, change in (("Only before", "gone"), ("Only after", "new"))
        }
        parts = {"Compared": self.compared, "Differ": count - sum(lone.values())}
        parts |= {name: n for name, n in lone.items() if n}
        header: list[tuple[str, str]] = [
            (name, count_of(n, "number", "numbers")) for name, n in parts.items()
        ]
        header += [("Tolerance", f"{self.tolerance:g} of the larger value")]
        rows = tuple(
            (
                r.result_id,
                _describe(r.variable, r.group),
                r.stat_name,
                format_significant(r.before),
                format_significant(r.after),
                r.change,
            )
            for r in each_row(self.changed.head(_SHOWN))
        )
        names = ("Result", "What", "Statistic", "Before", "After", "Change")
        tables = (Table(names, rows, 3),) if rows else ()
        notes = list(self.reasons)
        if count > _SHOWN:
            notes.append(f"{count - _SHOWN} more differ; see `changed`.")
        title = "Every number agrees" if self.agrees else "Not every number agrees"
        return Summary(title, tuple(header), tables, tuple(notes))


def _describe(variable: str, group: Mapping[str, str]) -> str:
    keys = ", ".join(f"{k} {v}" for k, v in group.items())
    return f"{variable}: {keys}" if variable else keys


@checked
def verify_run(plan: Plan, folder: str | Path, *, tolerance: float = TOLERANCE) -> RunDifference:
    """Repeat the analysis of a plan and compare it with stored results.

    Parameters
    ----------
    plan : Plan
        The plan that made the results.
    folder : str or Path
        Where they were written.
    tolerance : float
        Part of the larger value up to which two numbers agree.

    Returns
    -------
    RunDifference
        The numbers that differ and the reasons that can be found: data, plan or versions differ, or
        a stored file was changed after it was written.

    Raises
    ------
    SpecError
        When the tolerance is no part of a value.
    TrdstatsError
        When there are no stored results, or the plan cannot be carried out.
    """
    _check_tolerance(tolerance)
    folder = Path(folder)
    stored = read_results(folder)
    then = read_manifest(folder)
    data = fingerprint_data(plan)
    study = study_from_mapping(plan.study, plan.folder)
    sections = list(analyse(plan, study, lambda words: None))
    now = build_manifest(plan, data)
    failed = [
        f"The step {s.key!r} could not be carried out: {s.failed}" for s in sections if s.failed
    ]
    changed = compare_results(stored, plan_rows(plan, sections), tolerance=tolerance)
    reasons = (*altered_files(folder, then), *_differences(then, now), *failed)
    return RunDifference(changed, reasons, _in_both(stored, changed), tolerance)


@checked
def diff_runs(before: str | Path, after: str | Path, *, tolerance: float = 0.0) -> RunDifference:
    """Compare the stored results of two runs.

    Parameters
    ----------
    before, after : str or Path
        Folders of the runs.
    tolerance : float
        Part of the larger value up to which two numbers agree.

    Raises
    ------
    SpecError
        When the tolerance is no part of a value.
    TrdstatsError
        When a folder holds no results.
    """
    _check_tolerance(tolerance)
    before, after = Path(before), Path(after)
    first, second = read_results(before), read_results(after)
    one, other = read_manifest(before), read_manifest(after)
    reasons = (*altered_files(before, one), *altered_files(after, other), *_differences(one, other))
    changed = compare_results(first, second, tolerance=tolerance)
    return RunDifference(changed, reasons, _in_both(first, changed), tolerance)


def _in_both(before: pd.DataFrame, changed: pd.DataFrame) -> int:
    return len(before) - int((changed["change"] == "gone").sum())


def _check_tolerance(tolerance: float) -> None:
    """Refuse a tolerance under which every number agrees, or that is no number."""
    if not 0 <= tolerance < 1:
        raise SpecError(
            f"tolerance is a part of the larger value, at least 0 and below 1, for example 1e-8; "
            f"got {tolerance!r}."
        )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between two manifests beside the results."""
    for name in dict.fromkeys((*then["data"], *now["data"])):
        if then["data"].get(name) != now["data"].get(name):
            yield f"The data differ: {name}."
    if then["plan_sha256"] != now["plan_sha256"]:
        lines = _changed_lines(then["plan"], now["plan"])
        yield f"The plan differs: {lines}."
    versions = [("trdstats", then["trdstats"], now["trdstats"])]
    versions += [("Python", then["python"], now["python"])]
    names = dict.fromkeys((*then["packages"], *now["packages"]))
    versions += [(k, then["packages"].get(k), now["packages"].get(k)) for k in names]
    for name, old, new in versions:
        if old != new:
            yield f"The version of {name} differs: {old} before, {new} now."


def _changed_lines(before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    gone = [f"- {x.strip()}" for x in old if x not in new]
    come = [f"+ {x.strip()}" for x in new if x not in old]
    return "; ".join([*gone, *come]) or "only the order of its lines"
