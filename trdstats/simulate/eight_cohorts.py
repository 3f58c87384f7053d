"""The study `modalities`: eight cohorts, each on its own schedule, not randomised."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.simulate.assemble import assemble
from trdstats.simulate.cohort import Group, simulate_course
from trdstats.simulate.covariates import compute_nonresponse_effect, draw_people
from trdstats.simulate.load import load_parameters
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
        people = draw_people(n, cohort.case_mix, parameters.links, rng)
        treated = (
            open_stream(seed, "modalities", treatment, "treated").random(n) >= cohort.untreated
        )
        names = np.array([f"{cohort.prefix}-{k:03d}" for k in range(1, n + 1)])
        seen, happened = simulate_course(
            Group(
                path=(seed, "modalities", treatment),
                names=names,
                baseline=people.baseline,
                treated=treated,
                nonresponse_effect=compute_nonresponse_effect(
                    people.table, treatment, parameters.outcome
                ),
            ),
            cohort,
            cohort.schedule,
            cohort.retention,
            parameters,
        )
        who = {"subject": names, "treatment": treatment, "treated": treated.astype(int)}
        subjects.append(pd.concat([pd.DataFrame(who), people.table], axis=1))
        visits.append(seen)
        events.append(happened)
    return assemble("modalities", visits, subjects, events)
