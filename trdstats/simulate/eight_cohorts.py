"""The study `modalities`: eight cohorts, each on its own schedule, not randomised."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from trdstats.simulate import truth
from trdstats.simulate.assemble import assemble
from trdstats.simulate.cohort import Group, simulate_course
from trdstats.simulate.covariates import compute_nonresponse_effect, draw_sampled
from trdstats.simulate.load import load_parameters
from trdstats.simulate.parameters import OutcomeModel
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.streams import open_stream


def simulate_modalities(seed: int | None = None) -> SampleStudy:
    """Simulate eight non-randomised cohorts of treatment-resistant depression.

    Parameters
    ----------
    seed : int, optional
        The packaged data when left out.

    Returns
    -------
    SampleStudy

    Examples
    --------
    >>> study = simulate_modalities()
    >>> sorted(study.subjects["treatment"].unique())[:3]
    ['Digital', 'ECT', 'Esketamine']
    """
    parameters = load_parameters()
    seed = parameters.seed if seed is None else seed
    subjects, visits, events = [], [], []
    for treatment, cohort in parameters.cohorts.items():
        n = cohort.size
        rng = open_stream(seed, "modalities", treatment, "people")
        drawn = draw_sampled(n, cohort.case_mix, parameters.links, rng)
        treated = (
            open_stream(seed, "modalities", treatment, "treated").random(n) >= cohort.untreated
        )
        names = np.array([f"{cohort.prefix}-{k:03d}" for k in range(1, n + 1)])
        seen, happened = simulate_course(
            Group(
                path=(seed, "modalities", treatment),
                names=names,
                baseline=drawn.baseline,
                treated=treated,
                nonresponse_effect=compute_nonresponse_effect(
                    drawn.table, treatment, parameters.outcome
                ),
            ),
            cohort,
            cohort.schedule,
            cohort.retention,
            parameters,
        )
        who = {"subject": names, "treatment": treatment, "treated": treated.astype(int)}
        subjects.append(pd.concat([pd.DataFrame(who), drawn.table], axis=1))
        visits.append(seen)
        events.append(happened)
    return assemble("modalities", visits, subjects, events, modalities_truth)


@cache
def modalities_truth() -> pd.DataFrame:
    """Return what is true in each cohort.

    No effect of one treatment against another: the cohorts are of different patients, and what
    a treatment would do in the patients of another was not set.
    """
    parameters = load_parameters()
    rows: list[tuple[object, ...]] = []
    for treatment, cohort in parameters.cohorts.items():
        rng = open_stream(truth.SEED, "modalities", treatment, "people")
        drawn = draw_sampled(truth.SUBJECTS, cohort.case_mix, parameters.links, rng)
        effect = compute_nonresponse_effect(drawn.table, treatment, parameters.outcome)
        group = truth.large_group(("modalities", treatment), drawn.baseline, effect)
        arm = truth.run_arm(group, cohort, cohort.schedule, cohort.retention, parameters)
        rows += truth.rows_of_arm(treatment, arm)
        rows += truth.rows_of_setting(treatment, cohort, parameters.course.classes)
        rows.append(truth.row("never treated", "probability to leave before treatment",
                              cohort.untreated, treatment=treatment,
                              population="assigned"))  # fmt: skip
        rows += _covariate_rows(treatment, parameters.outcome)
    return truth.table([*rows, *truth.rows_of_dropout(parameters)])


def _covariate_rows(treatment: str, model: OutcomeModel) -> Iterator[tuple[object, ...]]:
    sizes = {"failed trial above two": model.failed_trial, "chronic episode": model.chronic,
             "anxious features": model.anxious}  # fmt: skip
    if treatment in model.benzodiazepine_treatments:
        sizes["benzodiazepine"] = model.benzodiazepine
    if treatment in model.psychotic_treatments:
        sizes["psychotic features"] = model.psychotic
    if treatment in model.age_treatments:
        sizes["year of age"] = model.year_of_age
    for name, size in sizes.items():
        yield truth.row("log odds ratio of non-response", f"for {name}, within the cohort", size,
                        treatment=treatment)  # fmt: skip
