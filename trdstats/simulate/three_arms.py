"""The study `trial`: three arms, randomised, all on one schedule."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.simulate import truth
from trdstats.simulate.assemble import assemble
from trdstats.simulate.chance import draw_truncated
from trdstats.simulate.cohort import Group, simulate_course
from trdstats.simulate.covariates import draw_failed_trials
from trdstats.simulate.load import load_parameters
from trdstats.simulate.parameters import TrialDesign
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.streams import open_stream


def simulate_trial(seed: int | None = None) -> SampleStudy:
    """Simulate a randomised trial of TMS, ECT and intravenous ketamine.

    Parameters
    ----------
    seed : int, optional
        The packaged data when left out.

    Returns
    -------
    SampleStudy

    Examples
    --------
    >>> simulate_trial().subjects["treatment"].value_counts().unique().tolist()
    [90]
    """
    parameters = load_parameters()
    seed = parameters.seed if seed is None else seed
    design = parameters.trial
    table, baseline = draw_participants(design, open_stream(seed, "trial", "people"))
    treatment = randomise(design, open_stream(seed, "trial", "randomisation"))
    chance = open_stream(seed, "trial", "treated").random(len(table))
    treated = chance >= pd.Series(treatment).map(design.untreated).to_numpy()
    table.insert(1, "treatment", treatment)
    table.insert(2, "treated", treated.astype(int))
    effect = design.nonresponse_per_msm * (table["msm"].to_numpy() - design.msm_mean)
    visits, events = [], []
    for arm in design.arms:
        chosen = treatment == arm
        seen, happened = simulate_course(
            Group(
                path=(seed, "trial", arm),
                names=table["subject"].to_numpy()[chosen],
                baseline=baseline[chosen],
                treated=treated[chosen],
                nonresponse_effect=effect[chosen],
            ),
            parameters.cohorts[arm],
            design.schedule,
            design.retention[arm],
            parameters,
        )
        visits.append(seen)
        events.append(happened)
    return assemble("trial", visits, [table], events, trial_truth)


@cache
def trial_truth() -> pd.DataFrame:
    """Return what is true in the trial: each arm, and each arm against the first."""
    parameters = load_parameters()
    design = parameters.trial
    # A site each: the truth is that of all sites, not of six that were drawn.
    size = truth.SUBJECTS // len(design.arms)
    many = replace(design, arm_size=size, sites=size * len(design.arms))
    participants, baseline = draw_participants(many, open_stream(truth.SEED, "trial", "people"))
    effect = design.nonresponse_per_msm * (participants["msm"].to_numpy() - design.msm_mean)
    arms = {
        arm: truth.run_arm(
            truth.large_group(("trial", arm), baseline, effect),
            parameters.cohorts[arm], design.schedule, design.retention[arm], parameters,
        )
        for arm in design.arms
    }  # fmt: skip
    rows = [r for name, arm in arms.items() for r in truth.rows_of_arm(name, arm)]
    for name in design.arms:
        rows += truth.rows_of_setting(name, parameters.cohorts[name], parameters.course.classes)
        rows.append(truth.row("never treated", "probability to leave before treatment",
                              design.untreated[name], treatment=name,
                              population="randomised"))  # fmt: skip
        if name != design.arms[0]:
            rows += truth.rows_of_effect(arms, name, design.arms[0])
    rows.append(truth.row("log odds ratio of non-response", "for one point of Maudsley staging",
                          design.nonresponse_per_msm))  # fmt: skip
    return truth.table([*rows, *truth.rows_of_dropout(parameters)])


def draw_participants(
    design: TrialDesign, rng: np.random.Generator
) -> tuple[pd.DataFrame, FloatArray]:
    """Return covariates and baseline scores, drawn before treatment is known.

    Parameters
    ----------
    design : TrialDesign
    rng : numpy.random.Generator

    Returns
    -------
    table : pandas.DataFrame
        One row a subject: subject, site, sex, age (years), msm (Maudsley staging, 3-15),
        failed_trials.
    baseline : ndarray, shape (n,)
        MADRS.
    """
    n = design.arm_size * len(design.arms)
    site = rng.integers(0, design.sites, n)
    severity = design.baseline_mean + rng.normal(0, design.site_sd, design.sites)[site]
    baseline = draw_truncated(
        n, rng, mean=severity, sd=design.baseline_sd, low=design.baseline_floor, high=60
    )
    age = draw_truncated(
        n,
        rng,
        mean=np.full(n, design.age_mean),
        sd=design.age_sd,
        low=design.age_low,
        high=design.age_high,
    )
    msm = draw_truncated(n, rng, mean=np.full(n, design.msm_mean), sd=design.msm_sd, low=3, high=15)
    # Failed trials are a part of the staging score: their ranks follow it with noise.
    rho = design.msm_failed_correlation
    mixed = rho * (msm - msm.mean()) / msm.std() + np.sqrt(1 - rho**2) * rng.normal(0, 1, n)
    position = (np.argsort(np.argsort(mixed, kind="stable"), kind="stable") + 0.5) / n
    table = pd.DataFrame(
        {
            "subject": np.array([f"{design.prefix}-{k:03d}" for k in range(1, n + 1)]),
            "site": np.array([f"S{k}" for k in range(1, design.sites + 1)])[site],
            "sex": np.where(rng.random(n) < design.female, "F", "M"),
            "age": age.astype(int),
            "msm": msm.astype(int),
            "failed_trials": draw_failed_trials(design.failed_trials, position),
        }
    )
    return table, baseline


def randomise(design: TrialDesign, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Return the arm of each subject, in order of enrolment, by permuted blocks.

    Parameters
    ----------
    design : TrialDesign
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of str, shape (n,)
        Exactly `arm_size` subjects in each arm.
    """
    block = np.repeat(np.array(design.arms), design.block_per_arm)
    blocks = np.tile(block, (design.arm_size // design.block_per_arm, 1))
    return rng.permuted(blocks, axis=1).ravel()
