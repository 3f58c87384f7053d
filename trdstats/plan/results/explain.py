"""From a printed number back to its rule, its rows, and the subjects who stand behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import unknown_name
from trdstats.kinds import label_of
from trdstats.plan.manifest import altered_files, read_manifest
from trdstats.plan.results.rows import RESULTS, read_results
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_count, format_significant

MEMBERS = "members"  # ending of the names of the tables of who stands behind a result


@dataclass(frozen=True, repr=False, eq=False)
class Explanation(SummaryMixin):
    """One result, and what it was made from.

    Attributes
    ----------
    result_id, analysis, variable : str
        The estimate, the title of its section, and its outcome.
    group : dict of str to str
        What singles the estimate out.
    rule : str
        Definition of the outcome; empty where the result has none.
    methods : tuple of str
        How it was computed.
    statistics : pandas.DataFrame
        stat_name, value.
    members : pandas.DataFrame
        subject, treatment, status: who was counted how. Empty where no single subjects can be
        named.
    made_with : dict of str to str
        Versions, and fingerprints of plan and data.
    altered : tuple of str
        Files of the run that were changed after it wrote them: numbers and subjects may be others.
    """

    result_id: str
    analysis: str
    variable: str
    group: dict[str, str]
    rule: str
    methods: tuple[str, ...]
    statistics: pd.DataFrame
    members: pd.DataFrame
    made_with: dict[str, str]
    altered: tuple[str, ...] = ()

    def summary(self) -> Summary:
        """Return the result with its rule, its subjects and its software."""
        header = [("Result", self.result_id), ("Analysis", self.analysis)]
        header += [("Outcome", self.variable)] if self.variable else []
        header += [("Definition", self.rule)] if self.rule else []
        header += list(self.group.items())
        header += list(self.made_with.items())
        numbers = tuple(
            (r.stat_label, format_significant(r.value)) for r in each_row(self.statistics)
        )
        tables = [Table(("Statistic", "Value"), numbers)]
        if not self.members.empty:
            rows = tuple(
                (str(status), format_count(len(part)), ", ".join(map(str, part["subject"])))
                for status, part in self.members.groupby("status", sort=True)
            )
            tables.append(Table(("Subjects", "n", "Identifiers"), rows, 3))
        return Summary(
            "Where a number comes from",
            tuple(header),
            tuple(tables),
            (*self.altered, *self.methods),
        )


@checked
def explain_result(folder: str | Path, result_id: str) -> Explanation:
    """Return what a result of a run was made from.

    Parameters
    ----------
    folder : str or Path
        Folder of the run.
    result_id : str
        As in ``results.json`` and the tables of the run.

    Raises
    ------
    UnknownNameError
        When the run has no such result.
    TrdstatsError
        When the folder holds no run.
    """
    folder = Path(folder)
    results = read_results(folder)
    rows = results[results["result_id"] == result_id]
    if rows.empty:
        raise unknown_name("result", result_id, results["result_id"].unique().tolist())
    about = json.loads((folder / RESULTS).read_text("utf-8"))
    manifest = read_manifest(folder)
    first = rows.iloc[0]
    analysis = about.get("analyses", {}).get(first["analysis_id"], {})
    group = dict(first["group"])
    return Explanation(
        result_id=result_id,
        analysis=analysis.get("title", first["analysis_id"]),
        variable=first["variable"],
        group=group,
        rule=about.get("definitions", {}).get(first["variable"], ""),
        methods=tuple(analysis.get("methods", ())),
        statistics=rows[["stat_name", "stat_label", "value"]].reset_index(drop=True),
        members=_members(folder, first["analysis_id"], {"outcome": first["variable"], **group}),
        made_with={
            "trdstats": manifest["trdstats"],
            "Plan": manifest["plan_sha256"],
            **{f"Data {name}": digest for name, digest in manifest["data"].items()},
        },
        altered=tuple(altered_files(folder, manifest)),
    )


def _members(folder: Path, step: str, wanted: Mapping[str, str]) -> pd.DataFrame:
    """Return the subjects of the groups of one result; of a contrast, those of both groups."""
    path = folder / "tables" / f"{step}_{MEMBERS}.csv"
    if not path.is_file():
        return pd.DataFrame(columns=["subject", "treatment", "status"])
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in set(table.columns) - {"subject", "status", "treatment"}:
        if column in wanted:
            table = table[table[column].map(label_of) == wanted[column]]
    groups = {wanted[k] for k in ("treatment", "reference") if k in wanted}
    table = table[table["treatment"].isin(groups)] if groups else table
    return table[["subject", "treatment", "status"]].reset_index(drop=True)
