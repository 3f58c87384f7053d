"""Complete-case and single-imputation analyses of a visit, each with its assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_level, known_level, unknown_name
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.stacked import stacked
from trdstats.estimates.table import Columns
from trdstats.formulas import check_full_rank, read_covariates
from trdstats.kernels.gaussian.completed_ancova import adjust_sets
from trdstats.plots.layout.direction import say_direction
from trdstats.study import Study
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_p,
)

ASSUMPTIONS = {
    "complete case": "subjects not assessed are like others with the same treatment and covariates",
    "locf": "no subject changes after the last attended visit",
    "bocf": "a subject not assessed is back at baseline",
}
NO_ERROR = "treatments and covariates predict every change without error"


@checked
def single_imputation_analyses(
    study: Study,
    *,
    day: float,
    covariates: str | None = "baseline",
    methods: Sequence[str] = ("complete case", "locf", "bocf"),
    reference: Level | None = None,
    conf_level: float = 0.95,
) -> PlainAnalyses:
    """Compare the change at a visit by ANCOVA after simple handling of missing scores.

    Parameters
    ----------
    study : Study
    day : float
        Scheduled day.
    covariates : str or None
        Such as ``"baseline + site"``.
    methods : sequence of {"complete case", "locf", "bocf"}
        Last observation or baseline carried forward are single imputations: their standard errors
        treat an imputed score as an observed one. They are for comparison, not recommended.
    reference : str, optional
        Reference of the comparisons. Default: the first treatment.
    conf_level : float, default 0.95

    Returns
    -------
    PlainAnalyses

    Raises
    ------
    UnknownNameError
        When a method, the day or the reference is not known.
    NotEstimableError
        When a treatment has no subject to analyse.

    References
    ----------
    Mallinckrodt and others 2004, BMC Psychiatry 4:26, doi:10.1186/1471-244X-4-26; National Research
    Council 2010, doi:10.17226/12955.

    Examples
    --------
    >>> import trdstats as trd
    >>> analyses = trd.single_imputation_analyses(trd.load_sample("trial"), day=28)
    >>> analyses.tidy()["method"].unique().tolist()
    ['complete case', 'locf', 'bocf']
    """
    check_level(conf_level)
    if len(methods) == 0:
        raise SpecError("methods must name one or more, such as 'locf'.")
    for name in methods:
        if name not in ASSUMPTIONS:
            raise unknown_name("method", name, ASSUMPTIONS)
    arms = study.treatments
    base = arms[0] if reference is None else arms[known_level("treatment", reference, arms)]
    rows, last = study.longitudinal([day]), study.longitudinal()
    observed = rows.dropna(subset=["score"]).set_index("subject")["score"]
    until = last[(last["visit"] <= day) & last["score"].notna()].groupby("subject", observed=True)
    carried = until["score"].last()
    subjects = study.subjects.dropna(subset=["baseline"]).reset_index(drop=True)
    start = subjects["baseline"].to_numpy(dtype=float)
    at_day = subjects["subject"].map(observed.to_dict()).to_numpy(dtype=float)
    at_last = subjects["subject"].map(carried.to_dict()).to_numpy(dtype=float)
    scores = {
        "complete case": at_day,
        "locf": np.where(np.isnan(at_day), at_last, at_day),
        "bocf": np.where(np.isnan(at_day), start, at_day),
    }
    parts, counts = [], []
    for method in methods:
        change = scores[method] - start
        parts.append(_analyse(subjects, change, covariates, arms, base, method))
        used = np.isfinite(scores[method])
        counts.append(
            {
                "method": method,
                "n": int(np.isfinite(change).sum()),
                "n_imputed": int((used & np.isnan(at_day)).sum()),
                "assumption": ASSUMPTIONS[method],
            }
        )
    # The handlings share subjects; what their estimates have in common is not known.
    k = sum(len(p) for p in parts)
    every = stacked(parts, None, np.full((k, k), np.nan), None)
    return PlainAnalyses(
        every, pd.DataFrame(counts), float(day), base, covariates, study.caveat, conf_level,
        study.scale.better,
    )  # fmt: skip


def _analyse(
    subjects: pd.DataFrame, change: FloatArray, covariates: str | None, arms: Sequence[str],
    base: str, method: str,
) -> Estimates:  # fmt: skip
    has_change = np.isfinite(change)
    analysed = subjects[has_change].reset_index(drop=True)
    code = analysed["treatment"].cat.codes.to_numpy()
    A, k = len(arms), list(arms).index(base)
    empty = [arms[a] for a in range(A) if not (code == a).any()]
    if empty:
        raise NotEstimableError(f"No subject under {', '.join(empty)} has a score to analyse.")
    Z = np.empty((len(analysed), 0))
    if covariates is not None:
        design = read_covariates(analysed, covariates, what="subjects", least=0)
        if not design.kept.all():
            raise NotEstimableError(
                f"{int((~design.kept).sum())} subjects have no value of a covariate ({covariates})."
            )
        # About the means: the arms hold the constant, and where 0 is says nothing.
        Z = design.X - design.X.mean(axis=0)
    X = np.column_stack([np.eye(A)[code], Z])
    check_full_rank(X, [*arms, *(str(j) for j in range(Z.shape[1]))])
    n = len(analysed)
    means = np.stack([np.column_stack([np.tile(np.eye(A)[a], (n, 1)), Z]) for a in range(A)])
    others = [a for a in range(A) if a != k]
    L = np.vstack([np.eye(A), np.eye(A)[others] - np.eye(A)[k]])
    fit = adjust_sets(X, change[has_change][None], None, means, L)
    is_difference = np.arange(len(L)) >= A
    keys = {
        "method": method,
        "measure": np.where(is_difference, "difference", "mean change"),
        "treatment": [*arms, *(arms[a] for a in others)],
        "reference": np.where(is_difference, base, ""),
    }
    covariance = np.full((len(L), len(L)), np.nan)
    np.fill_diagonal(covariance, fit.std_error[0] ** 2)
    has_error = fit.std_error[0] > 0
    why = NO_ERROR if fit.df[0] > 0 else "no degrees of freedom are left"
    return estimates_of(
        pd.DataFrame(keys), fit.estimate[0], covariance=covariance, df=float(fit.df[0]),
        null=np.where(is_difference, 0.0, np.nan),
        reasons=["" if known else why for known in has_error],
    )  # fmt: skip


@dataclass(frozen=True, repr=False)
class PlainAnalyses(EstimateResult):
    """The same comparison under several handlings of missing scores.

    `tidy` has method, measure ("mean change" or "difference"), treatment, reference, n, n_imputed
    (scores carried forward), assumption, then the columns of `EstimateResult.tidy`. The handlings
    share subjects: covariances between estimates are not given.
    """

    _estimates: Estimates
    _counts: pd.DataFrame
    day: float
    reference: str
    covariates: str | None
    caveat: str
    _conf_level: float
    better: Literal["lower", "higher"] = "lower"

    def estimates(self) -> Estimates:
        """Return mean changes and differences, method by method."""
        title = f"Change at day {self.day:g}"
        notes = caveat_notes(self.caveat)
        return replace(self._estimates, title=title, notes=notes)

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        of_method = self._counts.set_index("method").loc[np.asarray(held["method"])]
        return {str(name): of_method[name].to_numpy() for name in of_method}

    def glance(self) -> pd.DataFrame:
        """Return one row a method: method, n, n_imputed, assumption."""
        return self._counts.copy()

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the differences by method; returns the Axes."""
        frame = self.tidy().query("measure == 'difference'")
        label = frame["method"] + ": " + frame["treatment"] + " v " + frame["reference"]
        xlabel = say_direction(f"Difference of changes at day {self.day:g}", self.better)
        settings = {"xlabel": xlabel, "reference_line": 0.0, "caveat": self.caveat, **options}
        return plots.plot_estimates(frame.assign(label=label), ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the differences, each with its assumption."""
        level = f"{format_level(self.conf_level)} CI"
        gaps = self.tidy().query("measure == 'difference'")
        rows = tuple(
            (r.method, f"{r.treatment} v {r.reference}", format_count(r.n),
             format_count(r.n_imputed), format_estimate(r.estimate, r.conf_low, r.conf_high, 2),
             format_p(r.p_value))
            for r in each_row(gaps)
        )  # fmt: skip
        header = ("Method", "Comparison", "n", "Imputed", f"Difference ({level})", "p")
        notes = [f"{m}: assumes that {ASSUMPTIONS[m]}." for m in dict.fromkeys(gaps["method"])]
        notes += caveat_notes(self.caveat)
        return Summary(f"Change at day {self.day:g}, by handling of missing scores",
                    (("ANCOVA", f"treatment + {self.covariates or 'nothing'}"),),
                    (Table(header, rows, 2),), tuple(notes))  # fmt: skip
