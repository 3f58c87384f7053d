"""Inverse-probability weights of visits: those who stay stand for those like them who left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import (
    DataError,
    NotEstimableError,
    Problem,
    SpecError,
    count_of,
    unknown_name,
)
from trdstats.formulas import read_covariates, read_right_side
from trdstats.frames import to_pandas
from trdstats.kernels.weighting.generalised_linear import LinearFit, fit_linear_model
from trdstats.kinds import places
from trdstats.longitudinal.designs.by_visit import check_once
from trdstats.longitudinal.gee.dropout_result import DropoutWeightsResult, StayingModel
from trdstats.study import Study
from trdstats.study.visit_order import order_visits
from trdstats.tables import Summary, SummaryMixin

PREVIOUS = "previous"


def _with_the_unassessed(study: Study, days: Sequence[float] | None) -> pd.DataFrame:
    """Return the visits of a study, and a row without a visit for subjects who have none."""
    table = study.longitudinal(days=days)
    others = study.subjects[~study.subjects["subject"].isin(table["subject"])]
    if others.empty:
        return table
    columns = [c for c in others.columns if c in table]
    return pd.concat([table, others[columns]], ignore_index=True)


@checked
@dataclass(frozen=True, repr=False)
class DropoutWeights(SummaryMixin):
    """Weights of visits by the inverse of the probability of having stayed until then.

    At every visit a logistic regression of all visits together says who of those still there stays.
    A visit's weight is the product of the inverse probabilities up to it. `GEE` with these weights
    and ``corr="independence"`` is right when, given the covariates of `formula`, leaving says
    nothing more about the outcome: also where it depends on earlier scores, which the model of
    the outcome does not hold.

    Parameters
    ----------
    formula : str
        Covariates of staying, e.g. ``"treatment * visit + previous"``. ``previous`` is the last
        score before the visit, the baseline at the first; others must not change between visits.
    numerator : str, optional
        Covariates whose probability of staying multiplies the weights (stabilised weights), e.g.
        ``"treatment * visit"``: all of them must stand in the formula of the outcome.
    score : str, default "score"
        Column of the scores. A subject has left before a visit if neither it nor a later one has
        a score; a missed visit with a later one is no dropout. At a visit before which no subject
        leaves the probability of staying is 1.
    baseline : str, default "baseline"
        Column of the scores before the first visit. Where the table has none, staying until the
        first visit is not modelled.

    Raises
    ------
    SpecError
        When a formula cannot be read.

    References
    ----------
    Robins, Rotnitzky and Zhao 1995, doi:10.1080/01621459.1995.10476493. Hernan and Robins 2006,
    doi:10.1136/jech.2004.029496 (stabilised weights).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> weights = trd.DropoutWeights("treatment + visit + previous").fit(study, days=[7, 14, 28])
    >>> fit = trd.GEE("response ~ treatment * visit", corr="independence").fit(
    ...     study, outcome=trd.Response(), days=[7, 14, 28], weights=weights)
    >>> len(fit.tidy())
    9
    """

    formula: str
    numerator: str | None = None
    score: str = "score"
    baseline: str = "baseline"

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        if self.numerator is not None:
            read_right_side(self.numerator)

    def fit(
        self,
        data: Study | FrameLike,
        *,
        subject: str = "subject",
        visit: str = "visit",
        days: Sequence[float] | None = None,
    ) -> DropoutWeightsResult:
        """Fit the model of staying.

        Parameters
        ----------
        data : Study or DataFrame
            One row a subject and visit; of a study the scheduled visits after baseline, and all
            its subjects: who was never assessed left before the first visit. A subject without a
            row at a visit that others have has missed it. A visit without any score is none.
        subject, visit : str
            Columns.
        days : sequence of float, optional
            Scheduled days of a study. Default: all.

        Raises
        ------
        DataError, SpecError, UnknownNameError
            When the table is not usable, or a covariate changes between visits.
        NotEstimableError
            When no subject left, or the covariates predict without error who stays.
        """
        if isinstance(data, Study):
            table = _with_the_unassessed(data, days)
        elif days is not None:
            raise SpecError("days= needs a Study, which knows the schedule.")
        else:
            table = to_pandas(data, what="data")
        for column in (subject, visit, self.score):
            if column not in table:
                raise unknown_name("column", column, table.columns)
        table = table.assign(**{self.score: self._numbers(table, self.score)})
        if self.baseline in table:
            table = table.assign(**{self.baseline: self._numbers(table, self.baseline)})
        never = isinstance(data, Study) & table[visit].isna()
        self._check_rows(table[~never], subject, visit)
        levels = order_visits(table.loc[~never, visit], visit).levels
        attended = set(table.loc[table[self.score].notna(), visit])
        levels = levels[[level in attended for level in levels]]
        if not len(levels):
            raise NotEstimableError(f"No row has a {self.score}: there is nothing to stay for.")
        person, names = pd.factorize(table[subject], sort=True)
        person = np.asarray(person, dtype=np.intp)
        occasion = np.asarray(levels.get_indexer(pd.Index(table[visit])), dtype=np.intp)
        rows, at_risk, stays = self._at_risk(table, subject, visit, person, names, occasion, levels)
        if not at_risk.any():
            raise NotEstimableError(
                "No subject left before the last visit: all weights are 1, and none are needed."
            )
        denominator = self._model(rows[at_risk], stays[at_risk], self.formula)
        models = [(denominator, -1.0)]
        if self.numerator is not None:
            models.append((self._model(rows[at_risk], stays[at_risk], self.numerator), 1.0))
        return DropoutWeightsResult(
            spec=self,
            subjects=np.asarray(names, dtype=object),
            visits=pd.Index(levels),
            person=np.repeat(np.arange(len(names)), len(levels)),
            at_risk=at_risk,
            stays=stays,
            models=tuple(StayingModel(f, terms, X, sign) for (f, terms, X), sign in models),
        )

    def _at_risk(
        self, table: pd.DataFrame, subject: str, visit: str, person: IntArray, names: Any,
        occasion: IntArray, levels: pd.Index[Any],
    ) -> tuple[pd.DataFrame, BoolArray, BoolArray]:  # fmt: skip
        """Return one row a subject and visit, who could leave before it, and who stayed."""
        n, T = len(names), len(levels)
        score = np.full((n, T), np.nan)
        at_visit = occasion >= 0
        score[person[at_visit], occasion[at_visit]] = table[self.score].to_numpy()[at_visit]
        seen = ~np.isnan(score)
        last = np.where(seen.any(axis=1), T - 1 - np.argmax(seen[:, ::-1], axis=1), -1)
        place = np.arange(T)
        at_risk, stays = place <= (last + 1)[:, None], place <= last[:, None]
        first = table.drop_duplicates(subject).set_index(subject).loc[names]
        start = np.full(n, np.nan)
        if self.baseline in table:
            start = first[self.baseline].to_numpy(dtype=float)
        before = np.column_stack([start, score[:, :-1]])
        previous = pd.DataFrame(before).ffill(axis=1).to_numpy()
        if np.isnan(start).all():
            at_risk[:, 0] = False
        # Where all stay the probability is 1, and a regression would have no finite value.
        at_risk &= (at_risk & ~stays).any(axis=0)
        parsed = read_right_side(self.formula), read_right_side(self.numerator or "1")
        needed = {str(v) for f in parsed for v in f.required_variables} - {PREVIOUS, visit}
        self._check_constant(table, sorted(needed), subject)
        rows = pd.DataFrame({c: first[c].repeat(T).array for c in sorted(needed)})
        rows[visit] = pd.Categorical.from_codes(np.tile(place, n), categories=levels)
        rows[PREVIOUS] = previous.ravel()
        needs_previous = any(PREVIOUS in map(str, f.required_variables) for f in parsed)
        usable = rows[[*needed, *([PREVIOUS] if needs_previous else [])]].notna().all(axis=1)
        lost = at_risk.ravel() & ~usable.to_numpy()
        if lost.any():
            who = sorted({str(names[i]) for i in np.flatnonzero(lost) // T})
            raise NotEstimableError(
                f"{len(who)} subjects lack a covariate of {self.formula!r} (such as "
                f"{', '.join(who[:3])}): their probability of staying is not known. Fill it in, "
                "leave them out, or leave the covariate out."
            )
        return rows, at_risk.ravel(), stays.ravel()

    def _numbers(self, table: pd.DataFrame, column: str) -> FloatArray:
        """Return a column as numbers; text that is none is refused."""
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(
            dtype=float, na_value=np.nan
        )
        wrong = np.isnan(values) & table[column].notna().to_numpy() | np.isinf(values)
        if wrong.any():
            raise DataError(
                [
                    Problem(
                        "not_a_number",
                        f"{column!r} must hold finite numbers; "
                        + count_of(int(wrong.sum()), "row does", "rows do")
                        + " not.",
                        places(wrong, lambda i: f"row {i}: {table[column].iloc[i]!r}"),
                        "Write numbers; leave a missing score empty.",
                    )
                ]
            )
        return values

    def _check_rows(self, table: pd.DataFrame, subject: str, visit: str) -> None:
        """Refuse rows that are of no subject or visit, or repeat one."""
        nameless = table[[subject, visit]].isna().any(axis=1).to_numpy()
        if nameless.any():
            raise DataError(
                [
                    Problem(
                        "missing_value",
                        count_of(int(nameless.sum()), "row has", "rows have")
                        + f" no {subject} or no {visit}.",
                        places(nameless, lambda i: f"row {i}"),
                        "Name the subject and the visit of every row, or leave the row out.",
                    )
                ]
            )
        person, when = (pd.factorize(table[c])[0].astype(np.intp) for c in (subject, visit))
        check_once(table, subject, visit, person, when, int(when.max(initial=0)) + 1)

    def _check_constant(self, table: pd.DataFrame, columns: list[str], subject: str) -> None:
        for column in columns:
            if column not in table:
                raise unknown_name("column", column, [*table.columns, PREVIOUS])
        varying = [
            c for c in columns if table.groupby(subject, observed=True)[c].nunique().max() > 1
        ]
        if varying:
            raise SpecError(
                f"{', '.join(map(repr, varying))} changes between visits of a subject: its value "
                "at a missed visit is not known. Use 'previous', or values at baseline."
            )

    def _model(
        self, rows: pd.DataFrame, stays: BoolArray, formula: str
    ) -> tuple[LinearFit, list[str], FloatArray]:
        if read_right_side(formula).required_variables:
            design = read_covariates(rows, formula, what="visits at risk")
            X, terms = design.X, ["Intercept", *design.terms]
        else:
            X, terms = np.empty((len(rows), 0)), ["Intercept"]
        X = np.column_stack([np.ones(len(rows)), X])
        fit = fit_linear_model(X, stays.astype(np.float64), np.ones(len(rows)), "logistic")
        if fit.separated.any():
            names = ", ".join(t for t, s in zip(terms, fit.separated, strict=True) if s)
            raise NotEstimableError(
                f"Who stays is predicted without error by {formula!r} (separation; see {names}): "
                "in a group or at a visit all stay, or none. Leave the term out."
            )
        return fit, terms, X

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [("Staying", self.formula)]
        header += [("Numerator", self.numerator)] if self.numerator else []
        return Summary("Weights for dropout", tuple(header))
