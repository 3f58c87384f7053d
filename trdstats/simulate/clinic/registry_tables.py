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

from trdstats.simulate.clinic.courses import draw_patients, draw_visits
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
from trdstats.simulate.clinic.registry_truth import registry_truth
from trdstats.simulate.load import load_parameters
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

    @property
    def truth(self) -> pd.DataFrame:
        """What is true of the patients, one row a quantity; see `SampleStudy.truth`.

        Severity lies between 0 and 1. Computed at the first request, in seconds.
        """
        return registry_truth().copy()


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
    patients = draw_patients(design, open_stream(seed, "registry", "people"))
    visits = draw_visits(
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
            proportion=design.defect_proportion,
            least=design.defect_least,
        )
        for kind, forms in tables.items()
    ]
    (qids, of_qids), (phq9, of_phq9) = planted
    order = ["patient", "day", "kind"]
    listed = [of_qids.sort_values(order), of_phq9.sort_values(order)]
    return RegistrySample(patients, qids, phq9, pd.concat(listed, ignore_index=True))


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
