"""Two treatments given by severity, with the truth that a randomised comparison would find."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd
from scipy.special import expit

from trdstats.arrays import FloatArray
from trdstats.simulate import truth
from trdstats.simulate.assemble import assemble
from trdstats.simulate.chance import calibrate
from trdstats.simulate.cohort import Group, simulate_course
from trdstats.simulate.covariates import draw_sampled
from trdstats.simulate.load import load_parameters
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.streams import open_stream

TREATMENTS = ("TMS", "IV ketamine")
# Log odds of not responding for one standard deviation of severity, added to the class weights.
_MATTERS = 1.0


def simulate_referral(
    seed: int, *, n: int = 400, referral: float = 1.0, randomised: bool = False
) -> SampleStudy:
    """Simulate one population of patients referred to TMS or to ketamine by severity.

    Severity sums failed trials, chronicity and baseline; the more severe go to ketamine and respond
    less to either treatment. Courses, visits and dropout are those of the two sample cohorts. A
    crude comparison is unfair to ketamine; severity is measured, so an adjusted one can be fair.

    Parameters
    ----------
    seed : int
    n : int
        Subjects.
    referral : float
        Log odds of ketamine for one standard deviation of severity: 0 is at random.
    randomised : bool
        Give treatments at random to the same population: what would be the truth.

    Returns
    -------
    SampleStudy
        subjects hold the covariates, and `chance`, the true probability of ketamine.
    """
    parameters = load_parameters()
    rng = open_stream(seed, "referral", "all", "people")
    drawn = draw_sampled(n, parameters.cohorts["TMS"].case_mix, parameters.links, rng)
    severity = _severity(drawn.table, drawn.baseline)
    chance = expit(referral * severity)
    draw = open_stream(seed, "referral", "all", "treated").random(n)
    second = draw < (0.5 if randomised else chance)
    names = np.array([f"R-{k:06d}" for k in range(1, n + 1)])
    who = pd.DataFrame({"subject": names, "treatment": np.where(second, *TREATMENTS[::-1]),
                        "treated": 1, "chance": chance})  # fmt: skip
    visits, events = [], []
    for treatment in TREATMENTS:
        cohort = parameters.cohorts[treatment]
        # Not responding has the cohort's weight in the whole population, not in those referred.
        fails = calibrate(float(cohort.weights[-1]), _MATTERS * severity)
        in_arm = who["treatment"].to_numpy() == treatment
        seen, happened = simulate_course(
            Group(
                path=(seed, "referral", treatment),
                names=names[in_arm],
                baseline=drawn.baseline[in_arm],
                treated=np.ones(int(in_arm.sum()), dtype=bool),
                nonresponse_effect=severity[in_arm],
                nonresponse_chance=fails[in_arm],
            ),
            cohort,
            cohort.schedule,
            cohort.retention,
            parameters,
        )
        visits.append(seen)
        events.append(happened)
    subjects = pd.concat([who, drawn.table], axis=1)
    known = partial(referral_truth, 0.0 if randomised else referral)
    return assemble("referral", visits, [subjects], events, known)


@cache
def referral_truth(referral: float) -> pd.DataFrame:
    """Return what is true in the population, and what a crude comparison of the referred finds.

    Parameters
    ----------
    referral : float
        As in `simulate_referral`; 0 is at random.
    """
    parameters = load_parameters()
    rng = open_stream(truth.SEED, "referral", "all", "people")
    drawn = draw_sampled(truth.SUBJECTS, parameters.cohorts["TMS"].case_mix, parameters.links, rng)
    severity = _severity(drawn.table, drawn.baseline)
    chance = expit(referral * severity)
    arms = {}
    for name in TREATMENTS:
        cohort = parameters.cohorts[name]
        fails = calibrate(float(cohort.weights[-1]), _MATTERS * severity)
        group = truth.large_group(("referral", name), drawn.baseline, severity, fails)
        arms[name] = truth.run_arm(group, cohort, cohort.schedule, cohort.retention, parameters)
    reference, treatment = TREATMENTS
    given = {treatment: chance, reference: 1 - chance}
    rows = [r for name, arm in arms.items() for r in truth.rows_of_arm(name, arm, population="all")]
    rows += truth.rows_of_effect(arms, treatment, reference, population="all")
    for name in TREATMENTS:
        rows += truth.rows_of_effect(
            arms, treatment, reference, dict.fromkeys(TREATMENTS, given[name]),
            population=f"referred to {name}",
        )  # fmt: skip
    rows += truth.rows_of_effect(
        arms, treatment, reference, given, kind="crude difference in", population="as referred",
        definition="those given ketamine minus those given TMS, not adjusted",
    )  # fmt: skip
    for name in TREATMENTS:
        rows += truth.rows_of_setting(name, parameters.cohorts[name], parameters.course.classes)
    rows.append(truth.row("log odds ratio of referral", "to ketamine, for one SD of severity",
                          referral, population="all"))  # fmt: skip
    rows.append(truth.row("log odds ratio of non-response", "for one SD of severity", _MATTERS))
    return truth.table([*rows, *truth.rows_of_dropout(parameters)])


def _severity(table: pd.DataFrame, baseline: FloatArray) -> FloatArray:
    """Return failed trials, chronicity and baseline as one number of mean 0 and spread 1.

    Means and spreads are those of the TMS cohort's case mix, rounded, so that a patient's severity
    does not hang on who else was drawn.
    """
    failed = (table["failed_trials"].to_numpy(dtype=float) - 3.2) / 1.6
    chronic = (table["chronic"].to_numpy(dtype=float) - 0.45) / 0.5
    score = (baseline - 30.5) / 4.5
    return np.asarray((failed + chronic + score) / np.sqrt(3.0))
