"""The parameters of the sample studies as values that check themselves."""

from __future__ import annotations

from dataclasses import dataclass

from trdstats.errors import SpecError
from trdstats.simulate.loss import LossLaw
from trdstats.simulate.mixture import Curves
from trdstats.simulate.schedule import Schedule


@dataclass(frozen=True, slots=True)
class CaseMix:
    """Who is in a cohort: baseline score, age in years, proportions of subjects (0 to 1)."""

    baseline_mean: float
    baseline_sd: float
    baseline_floor: float
    age_mean: float
    age_sd: float
    age_low: float
    age_high: float
    female: float
    failed_trials: dict[int, float]
    chronic: float
    anxious: float
    benzodiazepine: float
    psychotic: float
    inpatient: float
    prior_ect: float


@dataclass(frozen=True, slots=True)
class Links:
    """Log odds that tie covariates to one another."""

    chronic_per_failed_trial: float
    benzodiazepine_if_anxious: float
    psychotic_per_point: float
    inpatient_per_point: float
    inpatient_if_psychotic: float
    prior_ect_per_failed_trial: float


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """Log odds of the non-response class, and the treatments in which each applies."""

    failed_trial: float
    chronic: float
    anxious: float
    benzodiazepine: float
    benzodiazepine_treatments: tuple[str, ...]
    psychotic: float
    psychotic_treatments: tuple[str, ...]
    year_of_age: float
    age_treatments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """Common part of the latent trajectories; see `mixture` and `loss`."""

    classes: tuple[str, ...]
    floor: tuple[float, ...]
    fall: tuple[float, ...]
    rise: tuple[float, ...]
    log_mean: float
    log_sd: float
    noise_sd: float
    weekly_correlation: float
    rebound_level: float
    rebound_half_time: float


@dataclass(frozen=True, slots=True)
class Hazards:
    """Common part of attrition: effects of the last observed score, and rare happenings."""

    withdrawal_per_point: float
    withdrawal_if_well: float
    event_per_point: float
    death: float
    missed: float
    unscheduled: float
    unscheduled_per_point: float
    unrated: float
    rescue_gain: float
    rescue_half_time: float
    baseline_same_day: float


@dataclass(frozen=True, slots=True)
class Retention:
    """Hazards of one cohort for four weeks at a score of 20; `acute_end` in days."""

    acute_end: float
    acute: float
    later: float
    rescue: float
    switch: float
    hospitalisation: float


@dataclass(frozen=True, slots=True)
class Band:
    """How far an achieved value may lie from its source, and why that far."""

    width: float
    reason: str


@dataclass(frozen=True, slots=True)
class Target:
    """A published or derived number that a simulated cohort is compared with."""

    quantity: str
    day: float
    value: float
    source: str
    band: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everything about one treatment.

    Attributes
    ----------
    prefix : str
        Start of subject names.
    size : int
        Subjects.
    untreated : float
        Share assigned but never treated.
    weights : ndarray, shape (classes,)
        Shares of the latent classes; sum 1.
    curves : Curves
    case_mix : CaseMix
    schedule : Schedule
    retention : Retention
    loss : LossLaw
    targets : tuple of Target
    """

    prefix: str
    size: int
    untreated: float
    weights: tuple[float, ...]
    curves: Curves
    case_mix: CaseMix
    schedule: Schedule
    retention: Retention
    loss: LossLaw
    targets: tuple[Target, ...]

    def __post_init__(self) -> None:
        if abs(sum(self.weights) - 1) > 1e-9 or min(self.weights) < 0:
            raise SpecError(f"{self.prefix}: class weights must sum to 1; got {self.weights}.")
        if abs(sum(self.case_mix.failed_trials.values()) - 1) > 1e-9:
            raise SpecError(f"{self.prefix}: shares of failed_trials must sum to 1.")
        if not 0 <= self.untreated < 1 or self.size < 1:
            raise SpecError(f"{self.prefix}: size and untreated are not usable.")


@dataclass(frozen=True, slots=True)
class TrialDesign:
    """What the randomised trial does not take from the cohorts of its treatments."""

    prefix: str
    arms: tuple[str, ...]
    arm_size: int
    block_per_arm: int
    sites: int
    site_sd: float
    untreated: dict[str, float]
    baseline_mean: float
    baseline_sd: float
    baseline_floor: float
    age_mean: float
    age_sd: float
    age_low: float
    age_high: float
    female: float
    msm_mean: float
    msm_sd: float
    msm_failed_correlation: float
    failed_trials: dict[int, float]
    nonresponse_per_msm: float
    schedule: Schedule
    retention: dict[str, Retention]
    targets: dict[str, tuple[Target, ...]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of both sample studies."""

    seed: int
    course: Course
    links: Links
    outcome: OutcomeModel
    hazards: Hazards
    bands: dict[str, Band]
    cohorts: dict[str, Cohort]
    trial: TrialDesign
