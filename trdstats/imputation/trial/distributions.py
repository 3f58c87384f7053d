"""Distributions of the visits of subjects, under the strategy of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError, known_level
from trdstats.imputation.trial.layout import Layout
from trdstats.imputation.trial.strategies import Strategy
from trdstats.kernels.gaussian.reference_based import VisitDistribution as VisitDistribution
from trdstats.longitudinal.designs.levels import level_text

ArmDistribution = Callable[[IntArray, int], VisitDistribution]


def subjects_together(
    layout: Layout, strategies: npt.NDArray[np.object_]
) -> Iterator[tuple[IntArray, int, int, Strategy | None]]:
    """Yield subjects with the same missing visits, arm, event and strategy.

    Without an event the strategy does not matter, and is None.
    """
    missing = np.isnan(layout.y)
    T = missing.shape[1]
    groups: dict[tuple[bytes, int, int, Strategy | None], list[int]] = {}
    for i in np.flatnonzero(missing.any(axis=1)).tolist():
        event = int(layout.event[i])
        strategy = strategies[i] if event < T else None
        groups.setdefault((missing[i].tobytes(), event, int(layout.arm[i]), strategy), []).append(i)
    for (_, event, arm, strategy), members in groups.items():
        yield np.array(members, dtype=np.intp), arm, event, strategy


def borrow(
    of_arm: ArmDistribution,
    layout: Layout,
    subjects: IntArray,
    arm: int,
    event: int,
    strategy: Strategy | None,
) -> VisitDistribution:
    """Return the distribution of the visits of subjects under their strategy.

    Parameters
    ----------
    of_arm : callable
        ``of_arm(subjects, arm)``: their distribution as if under an arm.
    layout : Layout
    subjects : ndarray of int
    arm, event : int
        Their own.
    strategy : Strategy or None
    """
    assigned = of_arm(subjects, arm)
    if strategy is None:
        return assigned
    named = strategy.reference
    other = arm if named is None else known_level("reference arm", named, layout.treatments)
    reference = assigned if other == arm else of_arm(subjects, other)
    before = np.arange(layout.y.shape[1]) < event
    return strategy.distribution(assigned, reference, before)


def check_known(mean: FloatArray, layout: Layout, subjects: IntArray) -> None:
    """Refuse to impute from means that are not estimable.

    Parameters
    ----------
    mean : ndarray, shape (..., subjects, T)
    layout : Layout
    subjects : ndarray of int
    """
    unknown = np.asarray(np.isnan(mean.reshape(-1, *mean.shape[-2:])).any(axis=0))
    if not unknown.any():
        return
    visits = ", ".join(level_text(v) for v in layout.visits[np.flatnonzero(unknown.any(axis=0))])
    who = subjects[np.flatnonzero(unknown.any(axis=1))]
    names = ", ".join(str(s) for s in layout.subjects[who][:5])
    raise NotEstimableError(
        f"The mean for the imputation of {names} at {layout.visit} {visits} is not "
        "estimable: the columns of the imputation model are collinear, or no subject "
        "with the same covariates was assessed then under the treatment of the mean. "
        "Leave a covariate out, merge its levels, or choose another reference."
    )
