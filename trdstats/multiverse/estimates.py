"""What is compared in every universe: an estimate and each subject's effect on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.outcomes import Definition, time_to
from trdstats.outcomes.rates import verdicts
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
        What becomes of subjects without a verdict.
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
        First-order effect of each subject of ``study.subjects`` on it, in their order; NaN where
        the estimate has no standard error.
    facts : dict of str to float
        What else the table shows, such as the two rates.
    note : str
        Why there is no standard error.
    """

    value: float
    influence: FloatArray
    facts: dict[str, float] = field(default_factory=dict)
    note: str = ""


Estimator = Callable[[Universe], Estimate]


def rate_difference(universe: Universe) -> Estimate:
    """Compare rates: the difference of two shares."""
    p, q, of_p, of_q, facts = _two_rates(universe)
    extreme = [
        f"{'nobody' if rate == 0 else 'everybody'} had the outcome under {name}"
        for rate, name in ((p, universe.treatment), (q, universe.reference))
        if rate in (0.0, 1.0)
    ]
    if extreme:
        # The spread within such an arm is 0 in the data, not in truth: no Wald error.
        note = f"{' and '.join(extreme)}: no standard error, so no test"
        return Estimate(p - q, np.full(len(of_p), np.nan), facts, note)
    return Estimate(p - q, of_p - of_q, facts)


def log_odds_ratio(universe: Universe) -> Estimate:
    """Compare rates: the logarithm of the ratio of two odds."""
    p, q, of_p, of_q, facts = _two_rates(universe)
    if not (0 < p < 1 and 0 < q < 1):
        raise NotEstimableError("a rate is 0 or 1, so the odds ratio is not defined")
    value = np.log(p / (1 - p)) - np.log(q / (1 - q))
    return Estimate(float(value), of_p / (p * (1 - p)) - of_q / (q * (1 - q)), facts)


def restricted_mean_difference(universe: Universe) -> Estimate:
    """Compare mean days without the outcome up to the day."""
    times = time_to(universe.study, universe.definition).only(
        [universe.treatment, universe.reference]
    )
    fit = RMST(tau=universe.day, reference=universe.reference).fit(times)
    tidy = fit.tidy().set_index(["measure", "treatment"])["estimate"]
    means = fit.estimates().only(measure="restricted mean")
    effect = pd.DataFrame(means.influences, means.subjects, means.keys["treatment"].astype(str))
    whole = universe.study.subjects["subject"]
    influence = effect[universe.treatment] - effect[universe.reference]
    note = ""
    constant = [a for a in (universe.treatment, universe.reference) if not effect[a].any()]
    if constant:
        note = (
            f"the days do not differ between subjects under {' and '.join(constant)}: "
            "no standard error, so no test"
        )
    facts = {
        "outcome": float(tidy["restricted mean", universe.treatment]),
        "outcome_reference": float(tidy["restricted mean", universe.reference]),
    }
    moved = influence.reindex(whole).fillna(0.0).to_numpy(dtype=float)
    return Estimate(
        float(tidy["difference", universe.treatment]),
        np.full(len(moved), np.nan) if note else moved,
        facts,
        note,
    )


def _two_rates(
    universe: Universe,
) -> tuple[float, float, FloatArray, FloatArray, dict[str, float]]:
    """Return both rates, the subjects' effects on them, and counts."""
    outcomes = verdicts(
        universe.study,
        universe.definition,
        day=universe.day,
        missing=universe.missing,
        reference=universe.reference,
    )
    met = outcomes["met"].astype(float).to_numpy(dtype=float, na_value=np.nan)
    arm = outcomes["treatment"].to_numpy(dtype=object)
    found, effects = [], []
    facts: dict[str, float] = {}
    for suffix, name in (("", universe.treatment), ("_reference", universe.reference)):
        mine = (arm == name) & ~np.isnan(met)
        n = int(mine.sum())
        if not n:
            raise NotEstimableError(f"nobody has a verdict at day {universe.day:g} under {name}")
        rate = float(met[mine].mean())
        found.append(rate)
        effects.append(np.where(mine, (np.nan_to_num(met) - rate) / n, 0.0))
        facts |= {f"outcome{suffix}": rate, f"n{suffix}": float(n)}
    return found[0], found[1], effects[0], effects[1], facts


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
