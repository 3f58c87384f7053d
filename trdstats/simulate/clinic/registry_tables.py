"""The sample `registry`: item-level forms of a clinic, messy on purpose.

A clinic gives TMS and esketamine to whom it sees fit, changes from the QIDS to the PHQ-9 on a
calendar day with a bridge of two months, and lets clinicians rate some visits of some patients.
One latent severity drives both forms; what goes wrong with them is planted at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.simulate.chance import draw_truncated
from trdstats.simulate.clinic.defects import PHQ9, QIDS, plant_defects
from trdstats.simulate.clinic.design import RegistryDesign
from trdstats.simulate.clinic.forms import (
    PHQ9_ITEMS,
    PHQ9_MODEL,
    QIDS_ITEMS,
    QIDS_MODEL,
    draw_answers,
    leave_alternatives,
    list_forms,
    total_phq9,
    total_qids,
)
from trdstats.simulate.covariates import draw_failed_trials
from trdstats.simulate.load import load_parameters
from trdstats.simulate.mixture import Curves, compute_share, draw_noise
from trdstats.simulate.streams import open_stream


@dataclass(frozen=True, slots=True)
class RegistrySample:
    """A simulated registry.

    Attributes
    ----------
    patients : pandas.DataFrame
        One row a patient: patient, treatment, enrolled (ISO date of day 0), age (years), sex,
        failed_trials.
    qids : pandas.DataFrame
        One row a form: patient, day, version, rater, qids_1 to qids_16, total as typed.
    phq9 : pandas.DataFrame
        One row a form: patient, day, phq9_1 to phq9_9, total as typed.
    defects : pandas.DataFrame
        One row a planted defect: form, patient, day, item, kind.
    """

    patients: pd.DataFrame
    qids: pd.DataFrame
    phq9: pd.DataFrame
    defects: pd.DataFrame


def simulate_registry(seed: int | None = None) -> RegistrySample:
    """Simulate the forms of a clinic that changes its instrument, its raters and its typists.

    Parameters
    ----------
    seed : int, optional
        The packaged data when left out.

    Returns
    -------
    RegistrySample

    Examples
    --------
    >>> simulate_registry().patients["treatment"].value_counts().to_dict()
    {'TMS': 100, 'Esketamine': 60}
    """
    seed = load_parameters().seed if seed is None else seed
    design = RegistryDesign()
    patients = _draw_patients(design, open_stream(seed, "registry", "people"))
    visits = _draw_visits(
        patients,
        design,
        open_stream(seed, "registry", "course"),
        open_stream(seed, "registry", "attendance"),
    )
    opened = pd.to_datetime(patients["enrolled"]).to_numpy()[visits["number"]]
    since_switch = (opened - np.datetime64(design.switch)) / np.timedelta64(1, "D") + visits["day"]
    tables = {
        QIDS: _fill_qids(visits[since_switch < design.bridge], design, seed),
        PHQ9: _fill_phq9(visits[since_switch >= 0], seed),
    }
    planted = [
        plant_defects(
            forms,
            kind,
            open_stream(seed, "registry", "defects", kind.name),
            share=design.defect_share,
            least=design.defect_least,
        )
        for kind, forms in tables.items()
    ]
    (qids, of_qids), (phq9, of_phq9) = planted
    order = ["patient", "day", "kind"]
    listed = [of_qids.sort_values(order), of_phq9.sort_values(order)]
    return RegistrySample(patients, qids, phq9, pd.concat(listed, ignore_index=True))


def _draw_patients(design: RegistryDesign, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row a patient, numbered by the day of enrolment."""
    names = list(design.clinics)
    n = sum(c.size for c in design.clinics.values())
    enrolled = np.sort(rng.integers(0, (design.closes - design.opens).days + 1, n))
    treatment = rng.permutation(np.repeat(names, [design.clinics[t].size for t in names]))
    age = draw_truncated(n, rng, mean=np.full(n, 46.0), sd=14.0, low=19, high=80)
    failed, position = np.zeros(n, dtype=np.int64), rng.random(n)
    for name, clinic in design.clinics.items():
        mine = treatment == name
        failed[mine] = draw_failed_trials(clinic.failed_trials, position[mine])
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


def _draw_visits(
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
    severity = _draw_severity(treatment, days, design, of_course)
    seen = _attend(days, is_scheduled, severity, design, of_attendance)
    number, visit = np.nonzero(seen)
    return pd.DataFrame(
        {
            "patient": patients["patient"].to_numpy()[number],
            "number": number,
            "day": days[number, visit].astype(int),
            "severity": severity[number, visit],
        }
    )


def _draw_severity(
    treatment: npt.NDArray[np.object_],
    days: FloatArray,
    design: RegistryDesign,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the latent severity, shape (n, visits), on a scale of 0 to 1."""
    group = rng.choice(len(design.weights), len(treatment), p=design.weights)
    start = rng.normal(0, design.severity_sd, len(treatment))
    noise = draw_noise(days, rng, sd=design.visit_sd, weekly_correlation=design.weekly_correlation)
    share = np.ones_like(days)
    for name, clinic in design.clinics.items():
        mine = treatment == name
        start[mine] += clinic.baseline
        curves = Curves(
            floor=np.array(design.floor),
            fall=np.full(len(design.floor), clinic.half_time),
            rise=np.array(design.rise),
            course_end=design.course_end,
            rise_time=design.rise_time,
        )
        share[mine] = compute_share(np.maximum(days[mine], 0), group[mine], curves)
    return np.clip(start[:, None] * share + noise, 0, 1)


def _attend(
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


def _fill_qids(visits: pd.DataFrame, design: RegistryDesign, seed: int) -> pd.DataFrame:
    """Return QIDS forms; in the middle of some courses a clinician fills them in."""
    rater = _choose_raters(visits, design, open_stream(seed, "registry", "raters"))
    rng = open_stream(seed, "registry", "qids")
    number = visits["number"].to_numpy()
    lower = design.clinician_shift + rng.normal(0, design.clinician_sd, len(visits))
    severity = visits["severity"] + np.where(rater == "self", 0, lower)
    answers = leave_alternatives(
        draw_answers(severity.to_numpy(), number, QIDS_MODEL, rng),
        number,
        rng,
        eats_less=0.65,
        follows=0.9,
        changes=0.03,
    )
    keys = visits[["patient", "day"]].assign(
        version=np.where(rater == "self", "SR16", "C16"), rater=rater
    )
    return list_forms(keys, QIDS_ITEMS, answers, total_qids(answers))


def _choose_raters(
    visits: pd.DataFrame, design: RegistryDesign, rng: np.random.Generator
) -> npt.NDArray[np.object_]:
    """Return who fills in each form: the patient, or for two to five in the middle a doctor."""
    rater = np.full(len(visits), "self", dtype=object)
    place = visits.groupby("number").cumcount().to_numpy()
    count = visits["number"].value_counts()
    # The first two forms and the last stay the patient's own; a middle has two or more.
    able = np.sort(count.index[count >= 5].to_numpy())
    n = round(design.clinician_patients * sum(c.size for c in design.clinics.values()))
    for patient in rng.choice(able, n, replace=False).tolist():
        middle = np.flatnonzero(
            (visits["number"] == patient) & (place >= 2) & (place < count[patient] - 1)
        )[: int(rng.integers(2, 6))]
        rater[middle] = np.where(rng.random(len(middle)) < design.doctor_a, "Dr A", "Dr B")
    return rater


def _fill_phq9(visits: pd.DataFrame, seed: int) -> pd.DataFrame:
    answers = draw_answers(
        visits["severity"].to_numpy(),
        visits["number"].to_numpy(),
        PHQ9_MODEL,
        open_stream(seed, "registry", "phq9"),
    )
    return list_forms(visits[["patient", "day"]], PHQ9_ITEMS, answers, total_phq9(answers))
