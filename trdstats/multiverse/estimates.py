"""What is compared in every universe: an estimate and each subject's effect on it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import DataWarning, NotEstimableError
from trdstats.outcomes import Definition, time_to
from trdstats.outcomes.verdicts.verdicts import verdicts
from trdstats.study import Study
from trdstats.survival import RMST


@dataclass(frozen=True)
class Universe:
    """One way to run the comparison.

    Attributes
    ----------
    study : Study
        Under the baseline rule and the windows of this universe.
    definition : Definition
    day : float
        Scheduled day, or horizon.
    missing : str
        How subjects without a known outcome are handled.
    treatment, reference : str
        The treatments compared.
    """

    study: Study
    definition: Definition
    day: float
    missing: str
    treatment: str
    reference: str


@dataclass(frozen=True)
class Estimate:
    """An estimate of one universe.

    Attributes
    ----------
    value : float
        Estimate; 0 when there is no difference.
    influence : ndarray, shape (n_subjects,)
        Influence of each subject of ``study.subjects`` on the estimate, in their order; NaN where
        the estimate has no standard error.
    columns : dict of str to float
        Further columns of the table, such as the two rates.
    note : str
        Why there is no standard error.
    """

    value: float
    influence: FloatArray
    columns: dict[str, float] = field(default_factory=dict)
    note: str = ""


Estimator = Callable[[Universe], Estimate]


def rate_difference(universe: Universe) -> Estimate:
    """Compare rates: the difference of two proportions."""
    p, q, influence_p, influence_q, shown = _two_rates(universe)
    extreme = [
        f"{'no subject' if rate == 0 else 'every subject'} had the outcome under {name}"
        for rate, name in ((p, universe.treatment), (q, universe.reference))
        if rate in (0.0, 1.0)
    ]
    if extreme:
        # The variance within such an arm is 0 in the sample, not in the population: no Wald error.
        note = f"{' and '.join(extreme)}: no standard error, so no test"
        return Estimate(p - q, np.full(len(influence_p), np.nan), shown, note)
    return Estimate(p - q, influence_p - influence_q, shown)


def log_odds_ratio(universe: Universe) -> Estimate:
    """Compare rates: the logarithm of the ratio of two odds."""
    p, q, influence_p, influence_q, shown = _two_rates(universe)
    if not (0 < p < 1 and 0 < q < 1):
        raise NotEstimableError("a rate is 0 or 1, so the odds ratio is not defined")
    value = np.log(p / (1 - p)) - np.log(q / (1 - q))
    return Estimate(float(value), influence_p / (p * (1 - p)) - influence_q / (q * (1 - q)), shown)


def restricted_mean_difference(universe: Universe) -> Estimate:
    """Compare mean days without the outcome up to the day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # said once for all universes
        times = time_to(universe.study, universe.definition).only(
            [universe.treatment, universe.reference]
        )
    fit = RMST(tau=universe.day, reference=universe.reference).fit(times)
    tidy = fit.tidy().set_index(["measure", "treatment"])["estimate"]
    means = fit.estimates().only(measure="restricted mean")
    influences = pd.DataFrame(means.influences, means.subjects, means.keys["treatment"].astype(str))
    subjects = universe.study.subjects["subject"]
    difference = influences[universe.treatment] - influences[universe.reference]
    note = ""
    constant = [a for a in (universe.treatment, universe.reference) if not influences[a].any()]
    if constant:
        note = (
            f"all subjects under {' and '.join(constant)} have the same number of days: "
            "no standard error, so no test"
        )
    shown = {
        "outcome": float(tidy["restricted mean", universe.treatment]),
        "outcome_reference": float(tidy["restricted mean", universe.reference]),
    }
    influence = difference.reindex(subjects).fillna(0.0).to_numpy(dtype=float)
    return Estimate(
        float(tidy["difference", universe.treatment]),
        np.full(len(influence), np.nan) if note else influence,
        shown,
        note,
    )


def _two_rates(
    universe: Universe,
) -> tuple[float, float, FloatArray, FloatArray, dict[str, float]]:
    """Return both rates, the influence of each subject on them, and counts."""
    outcomes = verdicts(
        universe.study,
        universe.definition,
        day=universe.day,
        missing=universe.missing,
        reference=universe.reference,
    )
    met = outcomes["met"].astype(float).to_numpy(dtype=float, na_value=np.nan)
    arm = outcomes["treatment"].to_numpy(dtype=object)
    rates, influences = [], []
    shown: dict[str, float] = {}
    for suffix, name in (("", universe.treatment), ("_reference", universe.reference)):
        in_arm = (arm == name) & ~np.isnan(met)
        n = int(in_arm.sum())
        if not n:
            raise NotEstimableError(
                f"no subject has a known outcome at day {universe.day:g} under {name}"
            )
        rate = float(met[in_arm].mean())
        rates.append(rate)
        influences.append(np.where(in_arm, (np.nan_to_num(met) - rate) / n, 0.0))
        shown |= {f"outcome{suffix}": rate, f"n{suffix}": float(n)}
    return rates[0], rates[1], influences[0], influences[1], shown


ESTIMATORS: dict[str, Estimator] = {
    "difference": rate_difference,
    "log odds ratio": log_odds_ratio,
    "rmst": restricted_mean_difference,
}
TITLES = {
    "difference": "Difference of rates",
    "log odds ratio": "Log odds ratio",
    "rmst": "Difference of restricted mean days without the outcome",
}
WITH_MISSING = ("difference", "log odds ratio")
