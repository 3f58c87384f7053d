"""What is true of the patients of the registry, before anything goes wrong with their forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.simulate.clinic.courses import attend, draw_patients, draw_severity
from trdstats.simulate.clinic.design import RegistryDesign
from trdstats.simulate.clinic.forms import (
    PHQ9_MODEL,
    QIDS_MODEL,
    draw_answers,
    total_phq9,
    total_qids,
)
from trdstats.simulate.streams import open_stream
from trdstats.simulate.truth import COMPLETE, OBSERVED, SEED, average, row, table

PATIENTS = 5_000  # simulated for each treatment
MEANINGS = {
    "mean severity": "mean latent severity, 0 to 1, at the visit scheduled for the day",
    "mean QIDS": "mean QIDS-16 total filled in by the patient without a fault, 0 to 27",
    "mean PHQ-9": "mean PHQ-9 total filled in without a fault, 0 to 27",
}
COURSES = ("lasting response", "partial response", "none", "response that is lost")


@cache
def registry_truth() -> pd.DataFrame:
    """Return what is true under each treatment in those who get it.

    No effect of one against the other: who gets esketamine is chosen, and what it would do in
    the others was not set apart from their severity.
    """
    design = RegistryDesign()
    many = replace(
        design,
        missed=0.0,
        clinics={name: replace(clinic, size=PATIENTS) for name, clinic in design.clinics.items()},
    )
    patients = draw_patients(many, open_stream(SEED, "registry", "people"))
    treatment = patients["treatment"].to_numpy()
    rng = open_stream(SEED, "registry", "attendance")
    days, is_scheduled = many.schedule.draw_days(len(patients), rng)
    days = np.column_stack([np.zeros(len(days)), days])
    is_scheduled = np.column_stack([np.ones(len(days), dtype=bool), is_scheduled])
    severity = draw_severity(treatment, days, many, open_stream(SEED, "registry", "course"))
    seen = attend(days, is_scheduled, severity, many, rng)
    shape = (len(patients), len(many.schedule.days) + 1)
    left = ~seen[is_scheduled].reshape(shape)
    values = _scores(severity[is_scheduled].reshape(shape))
    rows = []
    for name in many.clinics:
        in_arm = treatment == name
        for k, day in enumerate((0.0, *many.schedule.days)):
            rows += [
                row(quantity, MEANINGS[quantity], average(of[in_arm, k]), treatment=name,
                    strategy=COMPLETE, day=day)
                for quantity, of in values.items()
            ]  # fmt: skip
            rows.append(row("left by", "probability to have left the clinic by the day",
                            average(left[in_arm, k].astype(float)), treatment=name,
                            strategy=OBSERVED, day=day))  # fmt: skip
    return table([*rows, *_settings(design)])


def _scores(severity: FloatArray) -> dict[str, FloatArray]:
    """Return severity and both totals at every scheduled visit, shape (n, visits)."""
    patient = np.repeat(np.arange(len(severity)), severity.shape[1])
    values = {"mean severity": severity}
    for quantity, model, total in (
        ("mean QIDS", QIDS_MODEL, total_qids),
        ("mean PHQ-9", PHQ9_MODEL, total_phq9),
    ):
        rng = open_stream(SEED, "registry", quantity)
        answers = draw_answers(severity.ravel(), patient, model, rng)
        values[quantity] = total(answers).reshape(severity.shape)
    return values


def _settings(design: RegistryDesign) -> Iterator[tuple[object, ...]]:
    for name, proportion in zip(COURSES, design.weights, strict=True):
        yield row("class share", "share of the latent trajectory", proportion, population=name)
    for name, clinic in design.clinics.items():
        yield row("baseline severity", "mean before the limits of 0 and 1 are imposed",
                  clinic.baseline, treatment=name)  # fmt: skip
        yield row("half-time", "days in which half of the improvement is reached",
                  clinic.half_time, treatment=name)  # fmt: skip
    yield row("clinician minus patient", "severity seen by a clinician in a QIDS minus that seen "
              "by the patient", design.clinician_shift)  # fmt: skip
    yield row("missed visits", "probability that a scheduled visit is missed while in care",
              design.missed)  # fmt: skip
    yield row("log hazard ratio of leaving", "for a severity higher by 1 at the visit before",
              design.leaving_slope)  # fmt: skip
