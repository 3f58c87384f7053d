"""The parameters of the sample `registry`; unlike those of the studies all are assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from trdstats.simulate.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Clinic:
    """Who is treated, and what the treatment does to them.

    Attributes
    ----------
    size : int
        Patients.
    baseline : float
        Mean severity before treatment, 0-1; 0.60 is a QIDS total of about 17.
    half_time : float
        Days in which half of the improvement is reached.
    failed_trials : dict of int to float
        Proportion of patients with each number of failed trials.
    """

    size: int
    baseline: float
    half_time: float
    failed_trials: dict[int, float]


@dataclass(frozen=True, slots=True)
class RegistryDesign:
    """The parameters of the registry, all of them assumed."""

    opens: date = date(2022, 1, 3)
    closes: date = date(2023, 12, 29)  # last enrolment
    switch: date = date(2023, 5, 1)  # first day of the PHQ-9
    bridge: int = 60  # days from the switch on which both forms are filled in
    clinics: dict[str, Clinic] = field(
        default_factory=lambda: {
            "TMS": Clinic(100, 0.59, 14.0, {2: 0.40, 3: 0.30, 4: 0.20, 5: 0.10}),
            # Chosen for those who failed more: the treatments cannot be compared as they are.
            "Esketamine": Clinic(60, 0.61, 6.0, {2: 0.20, 3: 0.30, 4: 0.25, 5: 0.15, 6: 0.10}),
        }
    )
    severity_sd: float = 0.05
    # Courses: lasting response, partial response, none, response that is lost after day 60.
    weights: tuple[float, ...] = (0.35, 0.30, 0.25, 0.10)
    floor: tuple[float, ...] = (0.22, 0.58, 0.92, 0.28)
    rise: tuple[float, ...] = (0.0, 0.0, 0.0, 0.60)
    course_end: float = 60.0
    rise_time: float = 20.0
    visit_sd: float = 0.035
    weekly_correlation: float = 0.5
    schedule: Schedule = field(
        default_factory=lambda: Schedule(
            (7, 14, 21, 28, 35, 42, 60, 90, 120, 150, 180), (2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4)
        )
    )
    leaving: float = 0.003  # hazard a day of a patient of severity 0.4
    leaving_slope: float = 1.5  # log hazard per unit of severity: the worse leave sooner
    missed: float = 0.06  # of visits while in care
    unscheduled: float = 0.5  # of occasions, for a patient of severity 0.5
    unscheduled_slope: float = 4.0
    clinician_patients: float = 0.15  # of all patients
    clinician_shift: float = -0.035  # about one point of the total
    clinician_sd: float = 0.03
    doctor_a: float = 0.65
    defect_proportion: float = 0.012
    defect_least: int = 5
