"""Predictions of a fitted landmark model, and how well they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import SpecError, unknown_name
from trdstats.estimates import Estimates, estimates_of
from trdstats.formulas import CovariateDesign
from trdstats.frames import to_pandas
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.weighting.generalised_linear import LinearFit, fit_linear_model
from trdstats.kernels.weighting.prediction_scores import brier_score, concordance_within
from trdstats.outcomes import Episodes
from trdstats.survival.coefficients import Coefficients
from trdstats.survival.parametric.parametric_data import rows_like
from trdstats.survival.prediction.landmark_rows import LandmarkRows
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_level,
    format_number,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.survival.prediction.dynamic_prediction import DynamicPrediction


@checked_methods
@dataclass(frozen=True, repr=False)
class DynamicPredictionResult(Coefficients):
    """A fitted model. The coefficients are log odds ratios of losing the response by the horizon.

    Attributes
    ----------
    spec : DynamicPrediction
    episodes : Episodes
    """

    ratio: ClassVar[str] = "odds_ratio"

    spec: DynamicPrediction
    episodes: Episodes
    _landmarks: LandmarkRows
    _design: CovariateDesign
    _fit: LinearFit

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return ("Intercept", *self.spec.time_terms, *self._design.terms)

    def _influence(self) -> tuple[FloatArray, Any]:
        """Return the influence of every subject on the coefficients, landmarks summed."""
        use = self._landmarks.weight > 0
        code, subjects = pd.factorize(self._landmarks.frame["subject"])
        influence = grouped_sums(code[use], self._fit.influence(), len(subjects))
        return influence, np.asarray(subjects, dtype=object)

    def estimates(self) -> Estimates:
        """Return the coefficients with robust errors of subjects, the weights taken as known."""
        influence, subjects = self._influence()
        return estimates_of(
            pd.DataFrame({"term": self.terms}), self._fit.beta,
            covariance=influence.T @ influence, influences=influence, subjects=subjects, null=0.0,
            reasons=[""] * len(self.terms), title="Dynamic prediction of response",
            notes=self._notes(),
        )  # fmt: skip

    def _has_ratio(self, terms: Sequence[str]) -> BoolArray:
        return np.array([t != "Intercept" for t in terms])

    def _notes(self) -> tuple[str, ...]:
        return (
            *caveat_notes(self.episodes.caveat),
            "For patients like these, on the same visits and treatments; not the effect of a "
            "treatment.",
        )

    def predict(self, frame: FrameLike | Sequence[Mapping[str, object]]) -> pd.DataFrame:
        """Return the probability of still being in response at the end of the horizon.

        Parameters
        ----------
        frame : DataFrame, or sequence of mappings
            landmark (days since the response) and the covariates of the formula.

        Returns
        -------
        pandas.DataFrame
            row, landmark, estimate, conf_low, conf_high, conf_level, reason: NaN, with the reason,
            outside the landmarks and the range of covariates of the data.

        Raises
        ------
        UnknownNameError
            When a column is missing, or a category was not there.
        """
        whole = pd.DataFrame(list(frame)) if isinstance(frame, list | tuple) else (
            to_pandas(frame, what="rows to predict")
        )  # fmt: skip
        whole = whole.reset_index(drop=True)
        table, complete = rows_like(self._design, whole)
        if "landmark" not in whole:
            raise unknown_name("column", "landmark", whole.columns)
        landmark = pd.to_numeric(whole["landmark"], errors="coerce").to_numpy(dtype=float)
        reasons = self._outside(table, complete, landmark)
        ok = np.array([r == "" for r in reasons], dtype=bool)
        n = len(table)
        value, low, high = (np.full(n, np.nan) for _ in range(3))
        if ok.any():
            X = self.spec.design(self._design.matrix(table[ok]), landmark[ok])
            influence, _ = self._influence()
            eta, error = X @ self._fit.beta, np.sqrt(((X @ influence.T) ** 2).sum(axis=1))
            z = critical_value(self.conf_level)
            value[ok] = expit(-eta)
            low[ok], high[ok] = expit(-(eta + z * error)), expit(-(eta - z * error))
        return pd.DataFrame(
            {"row": np.arange(n), "landmark": landmark, "estimate": value, "conf_low": low,
             "conf_high": high, "conf_level": self.conf_level, "reason": reasons}
        )  # fmt: skip

    def _outside(self, table: pd.DataFrame, complete: Any, landmark: FloatArray) -> list[str]:
        days = sorted(self.spec.landmarks)
        known = self._design.frame
        reasons = []
        for i in range(len(table)):
            if not complete[i]:
                reasons.append("a covariate is missing")
                continue
            if not days[0] <= landmark[i] <= days[-1]:
                reasons.append(f"the landmarks are days {days[0]:g} to {days[-1]:g}")
                continue
            out = ""
            for column in table.columns:
                if isinstance(known[column].dtype, pd.CategoricalDtype):
                    continue
                low, high = float(known[column].min()), float(known[column].max())
                if not low <= float(table[column].iloc[i]) <= high:
                    out = f"{column} was between {low:g} and {high:g} in the data"
                    break
            reasons.append(out)
        return reasons

    def sentence(self, row: Mapping[str, object]) -> str:
        """Return the prediction for one patient as a sentence.

        Parameters
        ----------
        row : mapping
            landmark and the covariates.
        """
        r = next(each_row(self.predict([dict(row)])))
        if r.reason:
            return f"No prediction: {r.reason}."
        limits = f"{format_percent(r.conf_low, 0)} to {format_percent(r.conf_high, 0)}"
        return (
            f"On day {r.landmark:g} after the response, the probability of still being in response "
            f"in {self.spec.horizon:g} days is {format_percent(r.estimate, 0)} % "
            f"({format_level(self.conf_level)} CI {limits})."
        )

    def performance(self, *, folds: int = 10, seed: int = 0) -> pd.DataFrame:
        """Return how well subjects are predicted who were not in the fit (cross-validation).

        Parameters
        ----------
        folds : int, default 10
            Groups of subjects, each predicted from the others.
        seed : int, default 0

        Returns
        -------
        pandas.DataFrame
            landmark, n, events, brier, brier_null (the proportion of the landmark),
            explained (1 - brier / brier_null), auc (pairs within folds).

        Raises
        ------
        SpecError
            When folds is below 2.
        """
        (p, fold), rows = self._cross_validated(folds, seed), self._landmarks
        table = []
        for day in sorted(self.spec.landmarks):
            at = (rows.frame["landmark"] == day).to_numpy()
            y, w, q = rows.outcome[at], rows.weight[at], p[at]
            null = brier_score(np.full(len(y), w @ y / w.sum()), y, w)
            score = brier_score(q, y, w)
            explained = 1 - score / null if null > 0 else np.nan
            table.append((day, int(at.sum()), int((y * (w > 0)).sum()), score, null, explained,
                          concordance_within(q, y, w, fold[at])))  # fmt: skip
        names = ["landmark", "n", "events", "brier", "brier_null", "explained", "auc"]
        return pd.DataFrame(table, columns=names)

    def _cross_validated(self, folds: int, seed: int) -> tuple[FloatArray, IntArray]:
        """Return the probability of losing the response, from other subjects, and the fold."""
        if folds < 2:
            raise SpecError(f"folds must be 2 or more; got {folds}.")
        rows = self._landmarks
        code, subjects = pd.factorize(rows.frame["subject"])
        part = np.random.default_rng(seed).permutation(len(subjects))[code] % folds
        X = self.spec.design(self._design.X, rows.frame["landmark"].to_numpy(dtype=float))
        p = np.empty(len(X))
        for k in range(folds):
            use = (part != k) & (rows.weight > 0)
            fit = fit_linear_model(X[use], rows.outcome[use], rows.weight[use], "logistic")
            p[part == k] = fit.mean(X[part == k])
        return p, part

    def calibration(self, *, groups: int = 5, folds: int = 10, seed: int = 0) -> pd.DataFrame:
        """Return predicted and observed proportions still in response, by groups of predictions.

        Parameters
        ----------
        groups : int, default 5
        folds, seed : int
            As in `performance`.

        Returns
        -------
        pandas.DataFrame
            group, n, predicted, observed, conf_low, conf_high, conf_level.

        Raises
        ------
        SpecError
            When there are fewer than 2 groups or folds.
        """
        if groups < 2:
            raise SpecError(f"groups must be 2 or more; got {groups}.")
        p, rows = 1 - self._cross_validated(folds, seed)[0], self._landmarks
        edges = np.quantile(p, np.arange(1, groups) / groups)
        group = np.searchsorted(edges, p)
        z = critical_value(self.conf_level)
        table = []
        for g in range(groups):
            at = (group == g) & (rows.weight > 0)
            if not at.any():
                continue
            w, y = rows.weight[at], 1 - rows.outcome[at]
            observed = float(w @ y / w.sum())
            error = float(np.sqrt(w**2 @ (y - observed) ** 2)) / w.sum()
            table.append((g + 1, int(at.sum()), float(w @ p[at] / w.sum()), observed,
                          max(observed - z * error, 0.0), min(observed + z * error, 1.0),
                          self.conf_level))  # fmt: skip
        names = ["group", "n", "predicted", "observed", "conf_low", "conf_high", "conf_level"]
        return pd.DataFrame(table, columns=names)

    def glance(self) -> pd.DataFrame:
        """Return one row: n (subjects), rows, events (within horizons), landmarks."""
        rows = self._landmarks
        return pd.DataFrame(
            {
                "n": [rows.frame["subject"].nunique()],
                "rows": [len(rows.frame)],
                "events": [int((rows.outcome * (rows.weight > 0)).sum())],
                "censored": [int((rows.weight == 0).sum())],
                "landmarks": [len(list(self.spec.landmarks))],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the cross-validated calibration; returns the Axes."""
        frame = self.calibration().assign(treatment="all subjects")
        settings = {
            "xlabel": f"Predicted proportion in response after {self.spec.horizon:g} days",
            "ylabel": "Observed proportion", "caveat": self.episodes.caveat, **options,
        }  # fmt: skip
        return plots.plot_calibration(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the odds ratios, and how well subjects are predicted."""
        g = next(each_row(self.glance()))
        header = (
            ("Outcome", self.episodes.outcome), ("Origin", self.episodes.origin),
            *self.spec.header(),
            ("Subjects", f"{format_count(g.n)}, {format_count(g.rows)} at the landmarks, "
             f"{format_count(g.events)} losses within the horizon, {format_count(g.censored)} "
             "censored before"),
            *self._design.spec.header(),
        )  # fmt: skip
        level = f"{format_level(self.conf_level)} CI"
        names = ("Term", "Log odds ratio", "SE", "Odds ratio of loss", level, "p")
        scores = tuple(
            (f"{r.landmark:g}", format_count(r.n), format_count(r.events),
             format_number(r.brier, 3), format_number(r.brier_null, 3), format_number(r.auc, 2))
            for r in each_row(self.performance())
        )  # fmt: skip
        heads = ("Landmark (day)", "Subjects", "Losses", "Brier score", "Without a model", "AUC")
        estimates = self.estimates()
        return Summary(
            estimates.title, header,
            (Table(names, self._rows_by_coefficient()),
             Table(heads, scores, 0, "Ten-fold cross-validation")),
            estimates.notes,
        )  # fmt: skip
