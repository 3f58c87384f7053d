"""Proportional hazards for events that are only known to lie between two visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Jobs, checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, check_bootstrap, check_level
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import CovariateDesign, check_full_rank, read_covariates, read_right_side
from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.interval_hazard import read_problem
from trdstats.kernels.interval.interval_ph import interval_ph, profile_curvature
from trdstats.kernels.numerics.resampling import draw_counts
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.outcomes.event_times import OUTCOME_COLUMNS
from trdstats.parts import Arrays
from trdstats.replicates import replicate, streams_of
from trdstats.survival.interval.interval_ph_result import Analysed, IntervalPHResult
from trdstats.survival.interval_sample import check_survivors, split_intervals
from trdstats.survival.regression.regression_data import no_finite_estimate


@checked
@dataclass(frozen=True, slots=True)
class IntervalPH:
    """Proportional hazards for times that visits enclose in (left, right].

    The baseline is free: any distribution on the innermost intervals of all subjects.

    Parameters
    ----------
    formula : str
        Covariates, such as ``"treatment + age"``; the first category of a text is the reference.
    conf_level : float, default 0.95
    n_boot : int, default 0
        Bootstrap replicates for the standard errors; 0 takes them from the profile likelihood.
    seed : int, default 0
        Of the bootstrap. The result does not depend on the number of workers.
    n_jobs : int, default 1
        Workers of the bootstrap, as joblib takes them.

    Raises
    ------
    SpecError
        When the formula cannot be read or an argument is not usable.

    References
    ----------
    Finkelstein 1986, Biometrics 42:845-854, doi:10.2307/2530698; Zeng, Mao and Lin 2016,
    Biometrika 103:253-271, doi:10.1093/biomet/asw013.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> fit = trd.IntervalPH("treatment + age").fit(onset)
    >>> fit.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]', 'age']
    """

    formula: str
    conf_level: float = 0.95
    n_boot: int = 0
    seed: int = 0
    n_jobs: Jobs = 1

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> IntervalPHResult:
        """Fit the model.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Each time lies in (left, right]; left == right is an exact time. Competing causes
            count as censored; subjects with an `entry` count from then on.
        weights : str, Series or DataFrame, optional
            Weights of subjects, as in `KaplanMeier.fit`. Standard errors are then robust: from
            the influence of each subject, the weights taken as known.

        Raises
        ------
        NotEstimableError
            When no subject had the event, no event is seen to come before another time, columns
            are collinear, a coefficient has no finite estimate, or all under observation had the
            event before others came.
        SpecError, DataError
            When the formula does not fit the event times.
        """
        times = as_event_times(times, weights)
        sample = split_intervals(times, None, weights)
        all_subjects = sample.groups[0]
        frame = times.at_risk().iloc[all_subjects.row].reset_index(drop=True)
        design = read_covariates(frame, self.formula, what="event times", outcome=OUTCOME_COLUMNS)
        _check_rank(design)
        kept = design.kept
        analysed = Analysed(
            all_subjects.left[kept], all_subjects.right[kept], design.X,
            all_subjects.weight[kept], all_subjects.entry[kept],
        )  # fmt: skip
        _check_events(times, analysed)
        fit = interval_ph(
            analysed.left, analysed.right, analysed.X, analysed.weight, entry=analysed.entry
        )
        if fit.separated.any():
            terms = [t for t, e in zip(design.terms, fit.separated, strict=True) if e]
            raise no_finite_estimate(terms, times.outcome)
        curvature = profile_curvature(
            analysed.left, analysed.right, analysed.X, fit.beta, analysed.weight,
            entry=analysed.entry,
        )  # fmt: skip
        drawn = _redraw(analysed, self) if self.n_boot else None
        return IntervalPHResult(
            self, times, sample, all_subjects, design, analysed, fit, curvature, drawn
        )


def _check_rank(design: CovariateDesign) -> None:
    constant = np.ones((len(design.X), 1))
    check_full_rank(np.hstack((constant, design.X)), ["the baseline", *design.terms])


def _check_events(times: EventTimes, group: Analysed) -> None:
    if not np.isfinite(group.right).any():
        raise NotEstimableError(f"No subject had the event ({times.outcome}): nothing to estimate.")
    check_survivors(group.left, group.right, group.entry)
    if not _tells_apart(group.left, group.right, group.entry):
        raise NotEstimableError(
            "All intervals (left, right] overlap: no event is known to come before the time of "
            "any other subject, so that hazards cannot be compared."
        )


def _tells_apart(left: FloatArray, right: FloatArray, entry: FloatArray) -> bool:
    """Return whether somebody had the event before somebody else."""
    return len(innermost_intervals(left, right, entry).lower) > 1


def _redraw(group: Analysed, spec: IntervalPH) -> FloatArray:
    """Return the coefficients of every replicate, NaN where there was no maximum."""
    streams = streams_of(spec.seed, spec.n_boot)
    rows = replicate(_replicate, (group,), streams, n_jobs=spec.n_jobs)
    return np.array([row["beta"] for row in rows])


def _replicate(stream: np.random.SeedSequence, group: Analysed) -> Arrays:
    weight = group.weight * draw_counts(len(group.weight), np.random.default_rng(stream))
    drawn = weight > 0
    left, right, X, entry = (a[drawn] for a in (group.left, group.right, group.X, group.entry))
    nothing = np.full(X.shape[1], np.nan)
    if (
        not _tells_apart(left, right, entry)
        or np.linalg.matrix_rank(X - X.mean(axis=0)) < X.shape[1]
        or len(read_problem(left, right, X, weight[drawn], entry).without_survivors())
    ):
        return {"beta": nothing}
    fit = interval_ph(left, right, X, weight[drawn], entry=entry)
    return {"beta": fit.beta if fit.converged else nothing}
