"""Handling of observations after an intercurrent event: one value a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trdstats.errors import SpecError, check_choice


@dataclass(frozen=True, slots=True)
class TreatmentPolicy:
    """Scores count as observed, whatever happened."""

    def words(self) -> str:
        """Return the strategy in words."""
        return "treatment policy: scores after it are used as observed"


@dataclass(frozen=True, slots=True)
class Hypothetical:
    """Scores after the event are removed, to be imputed as if it had not happened."""

    def words(self) -> str:
        """Return the strategy in words."""
        return "hypothetical: scores after it are removed and imputed as if it had not happened"


@dataclass(frozen=True, slots=True)
class Composite:
    """The event is itself a failure: scores after it are set.

    Parameters
    ----------
    score : {"baseline", "worst"}
        To the subject's baseline, or the worst score of the scale.
    """

    score: Literal["baseline", "worst"] = "worst"

    def __post_init__(self) -> None:
        check_choice("score", self.score, ("baseline", "worst"))

    def words(self) -> str:
        """Return the strategy in words."""
        value = "the baseline" if self.score == "baseline" else "the worst score of the scale"
        return f"composite: it is a failure, scores after it are set to {value}"


@dataclass(frozen=True, slots=True)
class WhileOnTreatment:
    """The last score before the event is used for later visits."""

    def words(self) -> str:
        """Return the strategy in words."""
        return "while on treatment: the last score before it is used for later visits"


@dataclass(frozen=True, slots=True)
class PrincipalStratum:
    """Those who would not have the event under either treatment: not supported.

    Raises
    ------
    SpecError
        Always: they cannot be observed.
    """

    def __post_init__(self) -> None:
        raise SpecError(
            "A principal stratum is not supported: whether a subject would have the event under "
            "the other treatment is not observed, and the assumptions that identify the stratum "
            "(monotonicity, principal ignorability) must be justified for each trial. Use another "
            "strategy, and show its assumptions with Imputation and TippingPoint; for durability "
            "among those who would respond under either arm see PrincipalStratumBounds."
        )


ICEStrategy = TreatmentPolicy | Hypothetical | Composite | WhileOnTreatment
STRATEGIES = (TreatmentPolicy, Hypothetical, Composite, WhileOnTreatment)
