"""Weights for outcomes that were not observed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.comparison.adjusted.subject_outcomes import (
    check_outcome,
    read_outcomes,
    with_covariates,
)
from trdstats.comparison.censoring.censoring_result import CensoringWeightsResult, GroupModel
from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.formulas import check_full_rank, read_covariates, read_right_side
from trdstats.kernels.weighting.generalised_linear import fit_linear_model
from trdstats.outcomes import Definition
from trdstats.study import Study
from trdstats.survival.parametric.parametric_data import with_intercept
from trdstats.tables import Summary, SummaryMixin


@checked
@dataclass(frozen=True, repr=False)
class CensoringWeights(SummaryMixin):
    """Weights by which those with an outcome stand for those like them without.

    Every treatment has a separate logistic regression of who was observed. Right when, given
    the covariates, being observed says nothing more about the outcome. For event times, whose
    weights change with time, see `IPCW`.

    Parameters
    ----------
    formula : str
        Covariates of being observed, such as ``"msm + baseline"``.
    outcome : Definition or str
        What must have been observed: a definition, ``"change"`` or ``"score"`` at `day`, or a
        column of the subjects.
    day : float, optional
        Scheduled day of the outcome.
    by : str or None, default "treatment"
        Column that names the treatments; None for one regression of all.
    stabilised : bool, default True
        Multiply by the share observed under the same treatment, so that weights are about 1. It
        cancels in every comparison of treatments.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Robins, Rotnitzky and Zhao 1995, doi:10.1080/01621459.1995.10476493; Seaman and White 2013,
    doi:10.1177/0962280210395740.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> seen = trd.CensoringWeights("baseline", outcome=trd.Response(), day=28).fit(study)
    >>> rates = trd.rates(study, trd.Response(), day=28, missing="observed", weights=seen)
    """

    formula: str
    outcome: Definition | str = field(kw_only=True)
    day: float | None = field(default=None, kw_only=True)
    by: str | None = field(default="treatment", kw_only=True)
    stabilised: bool = field(default=True, kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        if self.by in {str(v) for v in read_right_side(self.formula).required_variables}:
            raise SpecError(
                f"Every value of {self.by!r} has a separate regression: take it out of the "
                "formula, or give by=None."
            )
        check_outcome(self.outcome, self.day, "observed")
        check_level(self.conf_level)

    def fit(self, data: Study | FrameLike) -> CensoringWeightsResult:
        """Fit the regressions and weight.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject.

        Raises
        ------
        DataError
            When a covariate is missing; every such subject is named.
        NotEstimableError
            When no subject under a treatment was observed, or covariates separate the observed.
        """
        known = read_outcomes(data, self.outcome, day=self.day, missing="observed", reference=None)
        frame = with_covariates(known.frame, (self.formula,), self.by, "subjects", (known.column,))
        design = read_covariates(frame, self.formula, least=0)
        X, seen = with_intercept(design.X), known.observed
        terms = ["Intercept", *design.terms]
        models = [
            _fit_group(self, X, terms, seen, in_group, label)
            for label, in_group in _groups(frame, self.by)
        ]
        return CensoringWeightsResult(
            spec=self,
            outcome=known.label,
            subjects=known.subjects,
            observed=seen,
            models=tuple(models),
            _X=X,
        )

    def summary(self) -> Summary:
        """Return the method in words."""
        header = (
            ("Observed", self.formula),
            ("Regressions", "one of all" if self.by is None else f"one for each {self.by}"),
            ("Stabilised", "yes" if self.stabilised else "no"),
        )
        return Summary("Weights for outcomes not observed", header)


def _groups(frame: pd.DataFrame, by: str | None) -> list[tuple[str, BoolArray]]:
    if by is None:
        return [("all", np.ones(len(frame), dtype=bool))]
    if not isinstance(frame[by].dtype, pd.CategoricalDtype):
        raise SpecError(f"{by!r} is a number and names no treatments; turn it into text.")
    return [(str(v), (frame[by] == v).to_numpy()) for v in frame[by].cat.categories]


def _fit_group(
    spec: CensoringWeights,
    X: FloatArray,
    terms: list[str],
    seen: BoolArray,
    in_group: BoolArray,
    label: str,
) -> GroupModel:
    if not seen[in_group].any():
        raise NotEstimableError(
            f"No subject under {label} was observed. Leave the treatment out with "
            "study.only([...])."
        )
    if seen[in_group].all():
        return GroupModel(label, in_group, tuple(terms), None, 1.0)
    check_full_rank(X[in_group], terms)
    fit = fit_linear_model(
        X[in_group], seen[in_group].astype(float), np.ones(int(in_group.sum())), "logistic"
    )
    if fit.separated.any():
        named = [t for t, e in zip(terms, fit.separated, strict=True) if e]
        raise NotEstimableError(
            f"{', '.join([t for t in named if t != 'Intercept'] or named)} separates the observed "
            f"under {label} from the others: on one side of it every subject, or none, was "
            "observed. Leave the term out or join categories."
        )
    return GroupModel(label, in_group, tuple(terms), fit, float(seen[in_group].mean()))
