"""Dropout: which subjects leave, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates.wald import wald_table
from trdstats.formulas import check_full_rank
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.weighting.generalised_linear import fit_linear_model
from trdstats.outcomes import EventTimes
from trdstats.study import Study
from trdstats.survival import KaplanMeier, KaplanMeierResult
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_number,
    format_p,
    format_percent,
)

_SHOWN = 8  # patterns in the summary


@checked
def describe_dropout(study: Study, *, until: float | None = None) -> Dropout:
    """Describe dropout: which subjects leave a study, when, why, and predictors of leaving.

    Parameters
    ----------
    study : Study
        With scheduled visits.
    until : float, optional
        Last scheduled day that counts. Default: the last one of each treatment.

    Returns
    -------
    Dropout

    Raises
    ------
    NotEstimableError
        When no visit is scheduled by then.

    Examples
    --------
    >>> import trdstats as trd
    >>> dropout = trd.describe_dropout(trd.load_sample("trial"), until=28)
    >>> sorted(dropout.patterns()["kind"].unique())
    ['complete', 'gaps', 'left']
    """
    rows = study.longitudinal()
    rows = rows[rows["score"].notna()]
    if not len(rows) or (until is not None and rows["visit"].min() > until):
        raise NotEstimableError("No subject was assessed at a scheduled visit by then.")
    days = {
        str(t): np.unique(arm_rows["visit"])
        for t, arm_rows in rows.groupby("treatment", observed=True)
    }
    subjects = study.subjects[["subject", "treatment", "baseline"]]
    subjects = subjects[subjects["treatment"].isin(list(days))]
    scheduled = pd.concat(
        [_scheduled_rows(subjects, rows, str(t), d) for t, d in days.items()], ignore_index=True
    )
    assessed = scheduled["score"].notna()
    # A subject who returns after a gap has not left, however late the return.
    scheduled["in_study"] = (
        assessed[::-1].groupby(scheduled["subject"], observed=True).cummax()[::-1]
    )
    if until is not None:
        scheduled = scheduled[scheduled["visit"] <= until].reset_index(drop=True)
        # A treatment without a visit by then has nothing to say; the summary names it.
        days = {t: d[d <= until] for t, d in days.items() if d[0] <= until}
    return Dropout(study, days, scheduled, _reasons(study, until))


def _scheduled_rows(
    subjects: pd.DataFrame, rows: pd.DataFrame, treatment: str, days: Any
) -> pd.DataFrame:
    """Return one row a subject and scheduled visit of a treatment, with the score or NaN."""
    in_arm = subjects[subjects["treatment"] == treatment]
    grid = in_arm.merge(pd.DataFrame({"visit": days}), how="cross")
    return grid.merge(rows[["subject", "visit", "score"]], on=["subject", "visit"], how="left")


def _reasons(study: Study, until: float | None) -> pd.DataFrame:
    events = study.events
    if not len(events):
        return pd.DataFrame({"treatment": [], "event": [], "n": []})
    if until is not None:
        events = events[events["day"] <= until]
    subjects = study.subjects[["subject", "treatment"]].astype({"subject": object})
    table = events.astype({"subject": object}).merge(subjects, on="subject", how="left")
    counts = table.groupby(["treatment", "event"], observed=True)["subject"].nunique()
    return counts.rename("n").reset_index()


@dataclass(frozen=True, repr=False)
class Dropout(SummaryMixin):
    """Dropout by treatment.

    Attributes
    ----------
    study : Study
    days : dict of str to ndarray
        Scheduled days of each treatment.
    """

    study: Study
    days: dict[str, FloatArray]
    _rows: pd.DataFrame
    _events: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a treatment and visit.

        Returns
        -------
        pandas.DataFrame
            treatment, visit, n, assessed, left (not assessed then or later), gaps,
            proportion_left.
        """
        assessed = self._rows["score"].notna()
        in_study = self._rows["in_study"]
        rows = self._rows.assign(assessed=assessed, left=~in_study, gap=in_study & ~assessed)
        table = rows.groupby(["treatment", "visit"], observed=True).agg(
            n=("subject", "size"),
            assessed=("assessed", "sum"),
            left=("left", "sum"),
            gaps=("gap", "sum"),
        )
        table = table.reset_index()
        return table.assign(proportion_left=table["left"] / table["n"])

    def patterns(self) -> pd.DataFrame:
        """Return treatment, pattern ("x" assessed, "." not, visit by visit), kind, n."""
        assessed = self._rows["score"].notna()
        marks = self._rows.assign(
            mark=np.where(assessed, "x", "."), gap=self._rows["in_study"] & ~assessed
        )
        by_subject = marks.groupby(["treatment", "subject"], observed=True)
        table = by_subject.agg(
            pattern=("mark", "sum"), gap=("gap", "any"), in_study=("in_study", "all")
        )
        kind = np.select([table["gap"], ~table["in_study"]], ["gaps", "left"], "complete")
        table = table.assign(kind=kind).reset_index()
        keys = ["treatment", "pattern", "kind"]
        patterns = table.groupby(keys, observed=True).size().rename("n").reset_index()
        return patterns.sort_values(["treatment", "n"], ascending=[True, False], kind="stable",
                                 ignore_index=True)  # fmt: skip

    def reasons(self) -> pd.DataFrame:
        """Return treatment, event and n: subjects with each event of the events table."""
        return self._events.copy()

    def predictors(self) -> pd.DataFrame:
        """Return predictors of leaving: a logistic regression at each visit.

        Among subjects assessed at a visit: not assessed at any later visit, by treatment,
        baseline and last score. Visits of a subject are one cluster.

        Returns
        -------
        pandas.DataFrame
            term, estimate (log odds of leaving), std_error (robust), statistic, p_value, conf_low,
            conf_high, conf_level, odds_ratio.

        Raises
        ------
        NotEstimableError
            When no subject leaves, or leaving is separated (no finite estimate).
        """
        rows = self._rows
        after = rows.groupby("subject", observed=True)["in_study"].shift(-1)
        used = rows["score"].notna() & after.notna() & rows["baseline"].notna()
        data = rows[used]
        leaves = np.asarray(~after[used].astype(bool), dtype=np.float64)
        if not leaves.any():
            raise NotEstimableError("No subject leaves between scheduled visits.")
        arms = [str(c) for c in data["treatment"].cat.categories if (data["treatment"] == c).any()]
        columns: dict[str, FloatArray] = {"Intercept": np.ones(len(data))}
        columns |= {f"treatment[T.{a}]": np.asarray(data["treatment"] == a, dtype=np.float64)
                    for a in arms[1:]}  # fmt: skip
        columns |= {"baseline": data["baseline"].to_numpy(dtype=float),
                    "last score": data["score"].to_numpy(dtype=float)}  # fmt: skip
        X = np.column_stack(list(columns.values()))
        check_full_rank(X, list(columns))
        fit = fit_linear_model(X, leaves, np.ones(len(X)), "logistic")
        if fit.separated.any():
            raise NotEstimableError(
                "Under some treatment no subject or every subject leaves: the odds are not finite."
            )
        code = pd.factorize(data["subject"])[0]
        sums = grouped_sums(code, fit.influence(), code.max() + 1)
        table = wald_table(tuple(columns), fit.beta, sums.T @ sums, 0.95)
        return table.assign(odds_ratio=np.exp(table["estimate"]))

    def curves(self) -> KaplanMeierResult:
        """Return Kaplan-Meier curves of those still in the study, from the last assessment on."""
        there = self._rows[self._rows["in_study"]]
        last = there.groupby("subject", observed=True)["visit"].max()
        subjects = self._rows.drop_duplicates("subject")[["subject", "treatment"]]
        day = subjects["subject"].map(last.to_dict()).astype(float).fillna(0.0)
        end = subjects["treatment"].map({t: float(d[-1]) for t, d in self.days.items()})
        # No post-baseline assessment is leaving at the start: an event at time 0.
        frame = subjects.assign(time=day, status=(day < end.astype(float)).astype(int))
        return KaplanMeier().fit(
            EventTimes(frame, outcome="leaving the study", caveat=self.study.caveat)
        )

    def glance(self) -> pd.DataFrame:
        """Return one row a treatment: n, completed (assessed at the last visit), left, gaps."""
        table = self.tidy()
        last = table.groupby("treatment", observed=True).tail(1)
        kinds = self.patterns()
        gaps = kinds[kinds["kind"] == "gaps"].groupby("treatment", observed=True)["n"].sum()
        n_gaps = last["treatment"].map(gaps.to_dict()).astype(float).fillna(0).astype(int)
        return pd.DataFrame(
            {
                "treatment": last["treatment"].to_numpy(),
                "n": last["n"].to_numpy(),
                "completed": last["assessed"].to_numpy(),
                "left": last["left"].to_numpy(),
                "with_gaps": n_gaps.to_numpy(),
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the proportion that has left, with numbers still in the study; returns the Axes."""
        settings = {"ylabel": "Left the study", "censor_marks": False, **options}
        return self.curves().plot(ax, **settings)

    def summary(self) -> Summary:
        """Return the counts of leaving, reasons, patterns, and predictors."""
        sizes = tuple(
            (str(r.treatment), format_count(r.n), format_count(r.completed), format_count(r.left),
             format_percent(r.left / r.n), format_count(r.with_gaps))
            for r in each_row(self.glance())
        )  # fmt: skip
        tables = [Table(("Treatment", "Subjects", "Completed", "Left", "%", "With gaps"), sizes)]
        if len(self._events):
            rows = tuple((str(r.treatment), str(r.event), format_count(r.n))
                         for r in each_row(self._events))  # fmt: skip
            tables.append(Table(("Treatment", "Event", "Subjects"), rows, 2))
        top = self.patterns().sort_values("n", ascending=False, kind="stable").head(_SHOWN)
        shown = tuple((str(r.treatment), str(r.pattern), str(r.kind), format_count(r.n))
                     for r in each_row(top))  # fmt: skip
        tables.append(Table(("Treatment", "Visits", "Kind", "Subjects"), shown, 3,
                            title="Most frequent patterns, x assessed, . not"))  # fmt: skip
        notes = [*caveat_notes(self.study.caveat)]
        absent = [t for t in self.study.treatments if t not in self.days]
        notes += [f"No scheduled visit by then: {', '.join(absent)}."] if absent else []
        try:
            odds = tuple((r.term, format_number(r.odds_ratio, 2), format_p(r.p_value))
                         for r in each_row(self.predictors()) if r.term != "Intercept")  # fmt: skip
            tables.append(Table(("Predictors of leaving", "Odds ratio", "p"), odds))
        except NotEstimableError as error:
            notes.append(str(error))
        return Summary("Dropout", (), tuple(tables), tuple(notes))
