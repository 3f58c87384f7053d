"""Who is in a cohort: baseline covariates that differ by treatment, and what they do.

Assignment is not random. It shows in the distributions (the psychotic, older, inpatient and
severely ill go to ECT, the most resistant and chronic to VNS), and the same covariates raise or
lower the chance of not responding at all. Both together are confounding by indication.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.simulate.chance import draw_truncated, draw_yes
from trdstats.simulate.parameters import CaseMix, Links, OutcomeModel


@dataclass(frozen=True, slots=True)
class Sampled:
    """Baseline score and covariates of a cohort.

    Attributes
    ----------
    baseline : ndarray, shape (n,)
        MADRS before treatment.
    table : pandas.DataFrame
        One row a subject: age, sex, failed_trials and the 0/1 covariates.
    """

    baseline: FloatArray
    table: pd.DataFrame


def draw_sampled(n: int, mix: CaseMix, links: Links, rng: np.random.Generator) -> Sampled:
    """Return the subjects of one cohort.

    Parameters
    ----------
    n : int
        Subjects.
    mix : CaseMix
        Means and prevalences of the cohort.
    links : Links
        Log odds that tie covariates to one another, shared by all cohorts.
    rng : numpy.random.Generator

    Returns
    -------
    Subjects
    """
    mean = np.full(n, mix.baseline_mean)
    baseline = draw_truncated(
        n, rng, mean=mean, sd=mix.baseline_sd, low=mix.baseline_floor, high=60
    )
    age = draw_truncated(
        n, rng, mean=np.full(n, mix.age_mean), sd=mix.age_sd, low=mix.age_low, high=mix.age_high
    )
    female = rng.random(n) < mix.female
    failed = draw_failed_trials(mix.failed_trials, rng.random(n))
    chronic = draw_yes(mix.chronic, links.chronic_per_failed_trial * failed, rng)
    anxious = draw_yes(mix.anxious, np.zeros(n), rng)
    benzodiazepine = draw_yes(mix.benzodiazepine, links.benzodiazepine_if_anxious * anxious, rng)
    psychotic = draw_yes(mix.psychotic, links.psychotic_per_point * baseline, rng)
    inpatient_effect = (
        links.inpatient_per_point * baseline + links.inpatient_if_psychotic * psychotic
    )
    inpatient = draw_yes(mix.inpatient, inpatient_effect, rng)
    prior_ect = draw_yes(mix.prior_ect, links.prior_ect_per_failed_trial * failed, rng)
    table = pd.DataFrame(
        {
            "age": age.astype(int),
            "sex": np.where(female, "F", "M"),
            "failed_trials": failed,
            "chronic": chronic.astype(int),
            "anxious": anxious.astype(int),
            "benzodiazepine": benzodiazepine.astype(int),
            "psychotic": psychotic.astype(int),
            "inpatient": inpatient.astype(int),
            "prior_ect": prior_ect.astype(int),
        }
    )
    return Sampled(baseline=baseline, table=table)


def draw_failed_trials(
    proportions: dict[int, float], position: FloatArray
) -> npt.NDArray[np.int64]:
    """Return numbers of failed treatment trials.

    Parameters
    ----------
    shares : dict of int to float
        Proportion of subjects with each number.
    position : ndarray, shape (n,)
        Place of each subject in the distribution, 0 to 1.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    numbers = np.array(sorted(proportions))
    edges = np.cumsum([proportions[k] for k in sorted(proportions)])
    return numbers[np.searchsorted(edges[:-1], position, side="right")].astype(np.int64)


def compute_nonresponse_effect(
    table: pd.DataFrame, treatment: str, model: OutcomeModel
) -> FloatArray:
    """Return log odds of the non-response class relative to a reference subject.

    Parameters
    ----------
    table : pandas.DataFrame
        Covariates; those that a study did not record have no effect.
    treatment : str
        Some effects belong to some treatments only.
    model : OutcomeModel

    Returns
    -------
    ndarray, shape (n,)
    """
    effect = model.failed_trial * np.maximum(0.0, table["failed_trials"].to_numpy() - 2.0)
    for name, size, only in (
        ("chronic", model.chronic, None),
        ("anxious", model.anxious, None),
        ("benzodiazepine", model.benzodiazepine, model.benzodiazepine_treatments),
        ("psychotic", model.psychotic, model.psychotic_treatments),
    ):
        if name in table and (only is None or treatment in only):
            effect = effect + size * table[name].to_numpy()
    if treatment in model.age_treatments:
        effect = effect + model.year_of_age * (table["age"].to_numpy() - 46.0)
    return np.asarray(effect, dtype=float)
