"""Who comes to the clinic, how severe the illness is at each visit, and which visits take place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.simulate.chance import draw_truncated
from trdstats.simulate.clinic.design import RegistryDesign
from trdstats.simulate.covariates import draw_failed_trials
from trdstats.simulate.mixture import Curves, compute_proportion, draw_noise


def draw_patients(design: RegistryDesign, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row a patient, numbered by the day of enrolment."""
    names = list(design.clinics)
    n = sum(c.size for c in design.clinics.values())
    enrolled = np.sort(rng.integers(0, (design.closes - design.opens).days + 1, n))
    treatment = rng.permutation(np.repeat(names, [design.clinics[t].size for t in names]))
    age = draw_truncated(n, rng, mean=np.full(n, 46.0), sd=14.0, low=19, high=80)
    failed, position = np.zeros(n, dtype=np.int64), rng.random(n)
    for name, clinic in design.clinics.items():
        in_arm = treatment == name
        failed[in_arm] = draw_failed_trials(clinic.failed_trials, position[in_arm])
    return pd.DataFrame(
        {
            "patient": [f"R-{k:03d}" for k in range(1, n + 1)],
            "treatment": treatment,
            "enrolled": np.datetime_as_string(np.datetime64(design.opens) + enrolled),
            "age": age.astype(int),
            "sex": np.where(rng.random(n) < 0.62, "F", "M"),
            "failed_trials": failed,
        }
    )


def draw_visits(
    patients: pd.DataFrame,
    design: RegistryDesign,
    of_course: np.random.Generator,
    of_attendance: np.random.Generator,
) -> pd.DataFrame:
    """Return attended visits, sorted: patient, number of the patient, day, latent severity."""
    n, treatment = len(patients), patients["treatment"].to_numpy()
    days, is_scheduled = design.schedule.draw_days(n, of_attendance)
    before = np.where(of_attendance.random(n) < 0.6, 0, of_attendance.integers(-3, 0, n))
    days = np.column_stack([before, days])
    is_scheduled = np.column_stack([np.ones(n, dtype=bool), is_scheduled])
    severity = draw_severity(treatment, days, design, of_course)
    seen = attend(days, is_scheduled, severity, design, of_attendance)
    number, visit = np.nonzero(seen)
    return pd.DataFrame(
        {
            "patient": patients["patient"].to_numpy()[number],
            "number": number,
            "day": days[number, visit].astype(int),
            "severity": severity[number, visit],
        }
    )


def draw_severity(
    treatment: npt.NDArray[np.object_],
    days: FloatArray,
    design: RegistryDesign,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the latent severity, shape (n, visits), on a scale of 0 to 1."""
    group = rng.choice(len(design.weights), len(treatment), p=design.weights)
    start = rng.normal(0, design.severity_sd, len(treatment))
    noise = draw_noise(days, rng, sd=design.visit_sd, weekly_correlation=design.weekly_correlation)
    proportion = np.ones_like(days)
    for name, clinic in design.clinics.items():
        in_arm = treatment == name
        start[in_arm] += clinic.baseline
        curves = Curves(
            floor=np.array(design.floor),
            fall=np.full(len(design.floor), clinic.half_time),
            rise=np.array(design.rise),
            course_end=design.course_end,
            rise_time=design.rise_time,
        )
        proportion[in_arm] = compute_proportion(np.maximum(days[in_arm], 0), group[in_arm], curves)
    return np.clip(start[:, None] * proportion + noise, 0, 1)


def attend(
    days: FloatArray,
    is_scheduled: BoolArray,
    severity: FloatArray,
    design: RegistryDesign,
    rng: np.random.Generator,
) -> BoolArray:
    """Return which visits take place, shape (n, visits): all at baseline, fewer and fewer later.

    Patients leave for good with a hazard that grows with the severity at the visit before, miss
    some visits, and come between two of them when they are worse.
    """
    hazard = design.leaving * np.exp(design.leaving_slope * (severity[:, :-1] - 0.4))
    stays = np.cumprod(rng.random(hazard.shape) < np.exp(-hazard * np.diff(days)), axis=1) > 0
    odds = np.exp(design.unscheduled_slope * (severity - 0.5))
    odds *= design.unscheduled / (1 - design.unscheduled)
    comes = np.where(is_scheduled, 1 - design.missed, odds / (1 + odds))
    seen = rng.random(days.shape) < comes
    seen[:, 0] = True
    seen[:, 1:] &= stays
    # Nobody comes unasked within two days of the visit before or after.
    gap = np.diff(days, axis=1)
    near = np.column_stack([np.zeros(len(days), bool), gap < 3])
    near[:, :-1] |= gap < 3
    return np.asarray(seen & (is_scheduled | ~near))
