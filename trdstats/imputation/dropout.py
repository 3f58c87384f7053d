"""Who leaves, when and why."""

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
from trdstats.kernels.weighting.generalised_linear import fit_linear_model
from trdstats.outcomes import EventTimes
from trdstats.study import Study
from trdstats.survival import KaplanMeier, KaplanMeierResult
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_count,
    format_number,
    format_p,
    format_percent,
)

_SHOWN = 8  # patterns in the face


@checked
def describe_dropout(study: Study, *, until: float | None = None) -> Dropout:
    """Describe who leaves a study, when, why and what goes before.

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
    >>> found = trd.describe_dropout(trd.load_sample("trial"), until=28)
    >>> sorted(found.patterns()["kind"].unique())
    ['complete', 'gaps', 'left']
    """
    rows = study.longitudinal()
    rows = rows[rows["score"].notna()]
    if not len(rows) or (until is not None and rows["visit"].min() > until):
        raise NotEstimableError("No scheduled visit was rated by then.")
    days = {str(t): np.unique(own["visit"]) for t, own in rows.groupby("treatment", observed=True)}
    people = study.subjects[["subject", "treatment", "baseline"]]
    people = people[people["treatment"].isin(list(days))]
    seen = pd.concat([_seen(people, rows, str(t), d) for t, d in days.items()], ignore_index=True)
    rated = seen["score"].notna()
    # Who comes back after a gap has not left, however late that is.
    seen["stays"] = rated[::-1].groupby(seen["subject"], observed=True).cummax()[::-1]
    if until is not None:
        seen = seen[seen["visit"] <= until].reset_index(drop=True)
        days = {t: d[d <= until] for t, d in days.items()}
    return Dropout(study, days, seen, _reasons(study, until))


def _seen(people: pd.DataFrame, rows: pd.DataFrame, treatment: str, days: Any) -> pd.DataFrame:
    """Return one row a subject and scheduled visit of a treatment, with the score or NaN."""
    own = people[people["treatment"] == treatment]
    grid = own.merge(pd.DataFrame({"visit": days}), how="cross")
    return grid.merge(rows[["subject", "visit", "score"]], on=["subject", "visit"], how="left")


def _reasons(study: Study, until: float | None) -> pd.DataFrame:
    events = study.events
    if not len(events):
        return pd.DataFrame({"treatment": [], "event": [], "n": []})
    if until is not None:
        events = events[events["day"] <= until]
    people = study.subjects[["subject", "treatment"]].astype({"subject": object})
    table = events.astype({"subject": object}).merge(people, on="subject", how="left")
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
        """Return treatment, visit, n, rated, left (not rated then or later), gaps, share_left."""
        rated = self._rows["score"].notna()
        stays = self._rows["stays"]
        rows = self._rows.assign(rated=rated, left=~stays, gap=stays & ~rated)
        table = rows.groupby(["treatment", "visit"], observed=True).agg(
            n=("subject", "size"), rated=("rated", "sum"), left=("left", "sum"), gaps=("gap", "sum")
        )
        table = table.reset_index()
        return table.assign(share_left=table["left"] / table["n"])

    def patterns(self) -> pd.DataFrame:
        """Return treatment, pattern ("x" rated, "." not, visit by visit), kind, n."""
        rated = self._rows["score"].notna()
        marks = self._rows.assign(mark=np.where(rated, "x", "."), gap=self._rows["stays"] & ~rated)
        own = marks.groupby(["treatment", "subject"], observed=True)
        table = own.agg(pattern=("mark", "sum"), gap=("gap", "any"), stays=("stays", "all"))
        kind = np.select([table["gap"], ~table["stays"]], ["gaps", "left"], "complete")
        table = table.assign(kind=kind).reset_index()
        keys = ["treatment", "pattern", "kind"]
        found = table.groupby(keys, observed=True).size().rename("n").reset_index()
        return found.sort_values(["treatment", "n"], ascending=[True, False], kind="stable",
                                 ignore_index=True)  # fmt: skip

    def reasons(self) -> pd.DataFrame:
        """Return treatment, event and n: subjects with each event of the events table."""
        return self._events.copy()

    def predictors(self) -> pd.DataFrame:
        """Return what goes before leaving: a logistic regression of each next visit.

        Of those rated at a visit, who is not rated at any later one? By treatment, baseline and
        the last score; visits of a subject are one cluster.

        Returns
        -------
        pandas.DataFrame
            term, estimate (log odds of leaving), std_error (robust), statistic, p_value, conf_low,
            conf_high, conf_level, odds_ratio.

        Raises
        ------
        NotEstimableError
            When nobody leaves, or leaving is explained without error.
        """
        rows = self._rows
        after = rows.groupby("subject", observed=True)["stays"].shift(-1)
        used = rows["score"].notna() & after.notna() & rows["baseline"].notna()
        data = rows[used]
        leaves = np.asarray(~after[used].astype(bool), dtype=np.float64)
        if not leaves.any():
            raise NotEstimableError("Nobody leaves between scheduled visits.")
        arms = [str(c) for c in data["treatment"].cat.categories if (data["treatment"] == c).any()]
        columns: dict[str, FloatArray] = {"Intercept": np.ones(len(data))}
        columns |= {f"treatment[T.{a}]": np.asarray(data["treatment"] == a, dtype=np.float64)
                    for a in arms[1:]}  # fmt: skip
        columns |= {"baseline": data["baseline"].to_numpy(dtype=float),
                    "last score": data["score"].to_numpy(dtype=float)}  # fmt: skip
        X = np.column_stack(list(columns.values()))
        check_full_rank(X, list(columns))
        fit = fit_linear_model(X, leaves, np.ones(len(X)), "logistic")
        if fit.endless.any():
            raise NotEstimableError("Some treatment has nobody, or everybody, leaving: no odds.")
        code = pd.factorize(data["subject"])[0]
        sums = np.zeros((code.max() + 1, X.shape[1]))
        np.add.at(sums, code, fit.influence())
        table = wald_table(tuple(columns), fit.beta, sums.T @ sums, 0.95)
        return table.assign(odds_ratio=np.exp(table["estimate"]))

    def curves(self) -> KaplanMeierResult:
        """Return Kaplan-Meier curves of those still in the study, from the last rated visit on."""
        there = self._rows[self._rows["stays"]]
        last = there.groupby("subject", observed=True)["visit"].max()
        people = self._rows.drop_duplicates("subject")[["subject", "treatment"]]
        day = people["subject"].map(last.to_dict()).astype(float).fillna(0.0)
        end = people["treatment"].map({t: float(d[-1]) for t, d in self.days.items()})
        # Never rated is leaving at the start: an event at time 0.
        frame = people.assign(time=day, status=(day < end.astype(float)).astype(int))
        return KaplanMeier().fit(
            EventTimes(frame, outcome="leaving the study", caveat=self.study.caveat)
        )

    def glance(self) -> pd.DataFrame:
        """Return one row a treatment: n, completed (rated at its last visit), left, with gaps."""
        table = self.tidy()
        last = table.groupby("treatment", observed=True).tail(1)
        kinds = self.patterns()
        gaps = kinds[kinds["kind"] == "gaps"].groupby("treatment", observed=True)["n"].sum()
        found = last["treatment"].map(gaps.to_dict()).astype(float).fillna(0).astype(int)
        return pd.DataFrame(
            {
                "treatment": last["treatment"].to_numpy(),
                "n": last["n"].to_numpy(),
                "completed": last["rated"].to_numpy(),
                "left": last["left"].to_numpy(),
                "with_gaps": found.to_numpy(),
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the share that has left, with numbers still in the study; returns the Axes."""
        settings = {"ylabel": "Left the study", "censor_marks": False, **options}
        return self.curves().plot(ax, **settings)

    def summary(self) -> Summary:
        """Return who left, why, in which patterns, and what went before."""
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
                            title="Commonest patterns, x rated, . not"))  # fmt: skip
        notes = [f"{self.study.caveat}."] if self.study.caveat else []
        try:
            odds = tuple((r.term, format_number(r.odds_ratio, 2), format_p(r.p_value))
                         for r in each_row(self.predictors()) if r.term != "Intercept")  # fmt: skip
            tables.append(Table(("Before leaving", "Odds ratio", "p"), odds))
        except NotEstimableError as error:
            notes.append(str(error))
        return Summary("Who leaves", (), tuple(tables), tuple(notes))
