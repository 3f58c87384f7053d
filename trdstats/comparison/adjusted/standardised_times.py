"""Survival and restricted means standardised by a Cox or accelerated failure time regression."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.comparison.adjusted.by_treatment import Quantity, values_by_treatment
from trdstats.comparison.adjusted.standardisation_result import (
    StandardisationResult,
    adjusted_caveat,
)
from trdstats.comparison.adjusted.subject_outcomes import levels_by, with_covariates
from trdstats.errors import NotEstimableError, check_first_look, pick_level
from trdstats.kernels.parametric.aft import Distribution
from trdstats.outcomes import EventTimes
from trdstats.outcomes.event_times import OUTCOME_COLUMNS
from trdstats.outcomes.switching import notes_on
from trdstats.participants.beyond_the_data import note_extrapolation
from trdstats.survival import AFT, CoxPH
from trdstats.survival.parametric.aft_standardised import standardise_aft
from trdstats.survival.reported_days import beyond_follow_up
from trdstats.tables import caveat_notes

if TYPE_CHECKING:
    from trdstats.comparison.adjusted.standardisation import Standardisation


def standardise_times(
    spec: Standardisation, times: EventTimes, weights: Any
) -> StandardisationResult:
    """Fit the regression of times and average over every subject with follow-up."""
    frame = with_covariates(
        times.at_risk(), (spec.formula,), spec.by, "event times", OUTCOME_COLUMNS
    )
    levels = [str(v) for v in levels_by(frame, spec.by)]
    reference = pick_level("treatment", spec.reference, levels)
    if spec.treated is not None:
        pick_level("treatment", spec.treated, levels)
    last = max([*spec.days, spec.tau or 0.0])
    _check_follow_up(frame, last)
    _check_first_look(times, spec)
    quantities: list[tuple[Quantity, float]] = [("survival", float(d)) for d in spec.days]
    if spec.tau is not None:
        quantities.append(("restricted mean", float(spec.tau)))
    fitted = _cox if spec.model in (None, "cox") else _aft
    header, estimate, covariance, influence, coefficients = fitted(spec, times, weights)
    counts = pd.DataFrame(
        [
            {
                spec.by: level,
                "n": int((frame[spec.by] == level).sum()),
                "n_observed": int(((frame[spec.by] == level) & (frame["status"] == 1)).sum()),
            }
            for level in levels
        ]
    )
    return StandardisationResult(
        spec=spec,
        outcome=times.outcome,
        caveat=times.caveat,
        counts=counts,
        coefficients=coefficients,
        header=header,
        _of_times=(
            *_unseen(times),
            *beyond_follow_up(frame[spec.by], frame["time"].to_numpy(dtype=float), last),
        ),
        _beyond=partial(
            note_extrapolation, frame, spec.formula, spec.by,
            spec.treated if spec.estimand == "att" else None,
        ),
        _values=values_by_treatment(
            quantities, spec.by, levels, estimate,
            influence=influence.drop(columns="subject").to_numpy(dtype=float),
            subjects=influence["subject"].to_numpy(dtype=object), covariance=covariance,
            title="Standardisation",
            notes=(
                *caveat_notes(adjusted_caveat(times.caveat, spec.formula)),
                *notes_on(times.switching),
            ),
        ),
        _reference=str(reference),
        switching=times.switching,
    )  # fmt: skip


_Fitted = tuple[tuple[tuple[str, str], ...], FloatArray, FloatArray, pd.DataFrame, pd.DataFrame]


def _cox(spec: Standardisation, times: EventTimes, weights: Any) -> _Fitted:
    """Return header lines, estimates, covariance, influences and coefficients."""
    # The curves are those of first order, and so are the coefficients beside them.
    result = CoxPH(spec.formula, robust=True, correction="none", conf_level=spec.conf_level).fit(
        times, weights=weights
    )
    frame = times.at_risk()
    jumps = np.unique(frame.loc[frame["status"] == 1, "time"].to_numpy(dtype=float))
    inside = jumps[jumps < spec.tau] if spec.tau is not None else np.empty(0)
    at = np.unique(np.concatenate([np.asarray(spec.days, dtype=float), inside]))
    # Without an event before tau the curve has no step to look at.
    at = at if len(at) else np.array([float(spec.tau or 0.0)])
    curves = result.marginal(spec.by, days=at.tolist(), among=spec.treated)
    table, stacked = curves.tidy(), curves.influence()
    k = len(curves.levels)
    survival = table["estimate"].to_numpy(dtype=float).reshape(k, len(at))
    effect = stacked.drop(columns="subject").to_numpy(dtype=float).reshape(-1, k, len(at))
    rules = [np.eye(len(at))[np.searchsorted(at, d)] for d in spec.days]
    estimate = [survival @ r for r in rules]
    if spec.tau is not None:
        # The area of a step curve: 1 up to the first jump, then each step times its width.
        width = np.zeros(len(at))
        edges = np.append(inside, spec.tau)
        width[np.searchsorted(at, inside)] = np.diff(edges)
        rules.append(width)
        estimate.append(edges[0] + survival @ width)
    flat = np.concatenate([effect @ r for r in rules], axis=1)
    influence = pd.DataFrame(flat)
    influence.insert(0, "subject", stacked["subject"].to_numpy(dtype=object))
    header = (("Model", "Cox, Efron ties"), *result._regressed.header()[1:])
    return header, np.concatenate(estimate), flat.T @ flat, influence, result.tidy()


def _aft(spec: Standardisation, times: EventTimes, weights: Any) -> _Fitted:
    """Return header lines, estimates, covariance, influences and coefficients."""
    result = AFT(
        spec.formula,
        distribution=cast(Distribution, spec.model),
        robust=spec.variance == "influence",
        conf_level=spec.conf_level,
    ).fit(times, weights=weights)
    standardised = standardise_aft(
        result, spec.by, days=spec.days, tau=spec.tau, among=spec.treated
    )
    J = standardised.gradient.reshape(-1, standardised.gradient.shape[2])
    flat = standardised.influence.drop(columns="subject").to_numpy(dtype=float)
    covariance = flat.T @ flat
    if spec.variance == "fixed covariates":
        covariance = J @ standardised.covariance @ J.T
    header = (("Model", f"{spec.model} times"), *result._data.header()[1:])
    return header, standardised.estimate.ravel(), covariance, standardised.influence, result.tidy()


def _check_follow_up(frame: pd.DataFrame, last: float) -> None:
    longest = float(frame["time"].max())
    if last > longest:
        raise NotEstimableError(
            f"No subject was followed to day {last:g}: follow-up ends at day {longest:g}. Choose "
            "days and tau within it."
        )


def _check_first_look(times: EventTimes, spec: Standardisation) -> None:
    first = min([*spec.days, *([] if spec.tau is None else [spec.tau])])
    if spec.by == "treatment":
        check_first_look(
            times.first_look, first, times.treatments, what="times", remedy="later days"
        )


def _unseen(times: EventTimes) -> tuple[str, ...]:
    n = len(times.frame) - len(times.at_risk())
    if not n:
        return ()
    return (f"{n:,} without follow-up are not averaged over.",)
