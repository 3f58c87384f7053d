"""Assumptions on a subject's visits after an intercurrent event, each strategy a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray
from trdstats.errors import SpecError, known_level, unknown_name
from trdstats.kernels.gaussian import reference_based as kernel
from trdstats.kernels.gaussian.reference_based import VisitDistribution


class Strategy(ABC):
    """An assumption on the visits after an event.

    Every strategy has a `label`, a sentence in `describe`, and `reference`: its reference arm,
    or None.
    """

    __slots__ = ()

    label: str
    reference: Level | None

    @property
    def needs_reference(self) -> bool:
        """Whether the strategy uses a reference arm."""
        return False

    @abstractmethod
    def describe(self) -> str:
        """Return the assumption as a sentence."""

    @abstractmethod
    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution of the visits.

        Parameters
        ----------
        assigned, reference : VisitDistribution
            Distributions of the visits under the assigned arm and, for the same covariates, under
            the reference arm: means (..., T), covariances (..., T, T).
        before : ndarray of bool, shape (T,)
            Visits before the event.
        """


@dataclass(frozen=True, slots=True)
class MAR(Strategy):
    """Missing at random: visits after the event as those of the same arm, given observed visits.

    The assumption of a hypothetical strategy: as if the event had not happened.
    """

    label = "MAR"
    reference = None

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return "missing at random: as subjects of the same arm with the same observed visits"

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution under the assigned arm."""
        return assigned


@dataclass(frozen=True, slots=True)
class _Borrowing(Strategy):
    reference: Level | None = None

    @property
    def needs_reference(self) -> bool:
        """Whether the strategy uses a reference arm."""
        return True

    @property
    def _arm(self) -> str:
        return "the reference arm" if self.reference is None else str(self.reference)


@dataclass(frozen=True, slots=True)
class JumpToReference(_Borrowing):
    """Jump to reference: from the event on the mean of the reference arm.

    Parameters
    ----------
    reference : str or value, optional
        The arm, by its label or its value; may be named later, in ``impute(reference=...)``.
    """

    label = "jump to reference"

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return f"jump to reference: the benefit is lost at the event, means as under {self._arm}"

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution of the visits."""
        return kernel.jump(assigned, reference, before)


@dataclass(frozen=True, slots=True)
class CopyReference(_Borrowing):
    """Copy reference: all visits, before the event too, as those of the reference arm.

    Parameters
    ----------
    reference : str, optional
    """

    label = "copy reference"

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return f"copy reference: as a subject of {self._arm} with the same observed visits"

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution under the reference arm."""
        return reference


@dataclass(frozen=True, slots=True)
class CopyIncrements(_Borrowing):
    """Copy increments in reference: from the event on changes as those of the reference arm.

    Parameters
    ----------
    reference : str, optional
    """

    label = "copy increments in reference"

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return (
            "copy increments in reference: the benefit up to the event is kept, later changes as "
            f"under {self._arm}"
        )

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution of the visits."""
        return kernel.copy_increments(assigned, reference, before)


@dataclass(frozen=True, slots=True)
class LastMeanCarriedForward(Strategy):
    """Last mean carried forward: from the event on the mean of the last visit before it."""

    label = "last mean carried forward"
    reference = None

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return "last mean carried forward: the mean of the arm stays at its value before the event"

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution of the visits."""
        return kernel.carry_last_mean(assigned, before)


@checked
@dataclass(frozen=True, slots=True)
class CustomStrategy(Strategy):
    """A strategy given by a function.

    Parameters
    ----------
    function : callable
        ``function(assigned, reference, before) -> VisitDistribution``: see
        `Strategy.distribution`. Means and covariances have leading axes (draws, subjects): index
        visits from the end, ``assigned.mean[..., after]``.
    name : str
        Its name in tables.
    assumption : str
        The assumption in words, for the reader of a report.
    reference : str, optional
        Reference arm; without one `reference` is the distribution of the assigned arm too.

    Examples
    --------
    Halfway to the reference:

    >>> import numpy as np
    >>> from trdstats.imputation import CustomStrategy, VisitDistribution
    >>> def halfway(assigned, reference, before):
    ...     mean = np.where(before, assigned.mean, (assigned.mean + reference.mean) / 2)
    ...     return VisitDistribution(mean, assigned.covariance)
    >>> CustomStrategy(halfway, "halfway", "half of the benefit is lost", "TMS").describe()
    'half of the benefit is lost'
    """

    function: Callable[[VisitDistribution, VisitDistribution, BoolArray], VisitDistribution]
    name: str
    assumption: str
    reference: Level | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SpecError(f"function must be callable; got {self.function!r}.")

    @property
    def label(self) -> str:  # type: ignore[override]
        """Name of the strategy."""
        return self.name

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return self.assumption

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Return the distribution of the visits, checked."""
        result = self.function(assigned, reference, before)
        T = len(before)
        if not isinstance(result, VisitDistribution) or result.mean.shape[-1] != T:
            raise SpecError(
                f"{self.name!r} must return a VisitDistribution of {T} visits; got {result!r}."
            )
        if not (np.isfinite(result.mean).all() and np.isfinite(result.covariance).all()):
            raise SpecError(f"{self.name!r} returns means or covariances that are not finite.")
        return result


@checked
@dataclass(frozen=True, slots=True)
class SetTo(Strategy):
    """Composite strategy: from the event on the outcome has one value, observed or not.

    For binary and ordinal outcomes: ``SetTo(0)`` counts subjects with the event as no responders.

    Parameters
    ----------
    value : value
        A category of the outcome; 0 or 1 of a binary one.
    """

    value: Level

    reference = None

    @property
    def label(self) -> str:  # type: ignore[override]
        """Name of the strategy."""
        return f"set to {self.value}"

    def describe(self) -> str:
        """Return the assumption as a sentence."""
        return f"composite: from the event on the outcome is {self.value}, observed or not"

    def distribution(
        self, assigned: VisitDistribution, reference: VisitDistribution, before: BoolArray
    ) -> VisitDistribution:
        """Refuse: a score is set by the estimand."""
        raise SpecError(
            "SetTo is for binary and ordinal outcomes (GLMMImputation). Scores are set by an "
            "estimand: trd.Estimand(..., strategies={'rescue': trd.Composite()})."
        )


STRATEGIES: dict[str, Strategy] = {
    "MAR": MAR(),
    "JR": JumpToReference(),
    "CR": CopyReference(),
    "CIR": CopyIncrements(),
    "LMCF": LastMeanCarriedForward(),
}


def read_strategy(strategy: Any) -> Strategy:
    """Return a strategy, given as a value or by its usual abbreviation.

    Raises
    ------
    UnknownNameError, SpecError
        When there is no such strategy.
    """
    if isinstance(strategy, Strategy):
        return strategy
    if isinstance(strategy, str):
        if strategy not in STRATEGIES:
            raise unknown_name("strategy", strategy, STRATEGIES)
        return STRATEGIES[strategy]
    raise SpecError(
        "A strategy is a value such as JumpToReference('TMS'), or one of "
        f"{', '.join(STRATEGIES)}; got {strategy!r}."
    )


def with_reference(strategy: Strategy, reference: Level | None, arms: list[str]) -> Strategy:
    """Return a strategy that names its reference arm.

    Raises
    ------
    SpecError
        When it needs one and has none.
    UnknownNameError
        When there is no such arm.
    """
    if strategy.needs_reference and strategy.reference is None:
        if reference is None:
            raise SpecError(
                f"{strategy.label[:1].upper()}{strategy.label[1:]} needs a reference arm: "
                f"{type(strategy).__name__}({arms[0]!r}), or impute(..., reference={arms[0]!r})."
            )
        strategy = replace(strategy, reference=reference)  # type: ignore[type-var]
    if strategy.reference is None:
        return strategy
    arm = arms[known_level("reference arm", strategy.reference, arms)]
    return strategy if arm == strategy.reference else replace(strategy, reference=arm)  # type: ignore[type-var]
