"""The covariance of the visits of a design, and whether it can be fitted at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, warn
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.reml import Model
from trdstats.longitudinal.covariances.covariances import (
    CompoundSymmetry,
    Covariance,
    OnDays,
    Toeplitz,
    Unstructured,
)
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.design import Design
from trdstats.study.visit_order import days_of

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM

_MOST_PARAMETERS = 1000  # of one covariance: more take hours
_MOST_NUMBERS = 2e8  # in one array: 1.6 GB


@dataclass(frozen=True)
class Counts:
    """How much there is to estimate a covariance from.

    Attributes
    ----------
    places : ndarray, shape (T,)
        Place of each visit among the planned ones.
    subjects : tuple of int
        Analysed subjects of each group that has a covariance.
    ratings : int
    """

    places: FloatArray
    subjects: tuple[int, ...]
    ratings: int

    @classmethod
    def of(cls, design: Design) -> Counts:
        """Return what is counted of the rows of a design."""
        subjects = tuple(np.bincount(design.group).tolist())
        return cls(design.places, subjects, int(design.rated.sum()))


def check_parameters(structure: Covariance, counts: Counts, n_terms: int) -> None:
    """Refuse at once a covariance that would take hours.

    Parameters
    ----------
    structure : Covariance
    counts : Counts
        Of all rows.
    n_terms : int
        Columns of the design.

    Raises
    ------
    NotEstimableError
    """
    T = len(counts.places)
    bound = structure.at(counts.places)
    h = bound.size(T)
    least = min(counts.subjects)
    enough = counts.ratings > n_terms + 1  # else that is what is wrong
    if isinstance(bound, Unstructured) and T > 1 and least <= T and enough:
        of = " of a group" if len(counts.subjects) > 1 else ""
        raise NotEstimableError(
            f"An unstructured covariance of {T} visits has {h} parameters and needs more subjects "
            f"than visits; there are {least} subjects{of}. Try fewer parameters, such as "
            "covariance='toeph', 'ar1h' or 'csh', or fewer visits."
        )
    curved = not isinstance(bound, Unstructured | Toeplitz | CompoundSymmetry)
    if h > _MOST_PARAMETERS or (curved and (h * T) ** 2 > _MOST_NUMBERS):
        raise NotEstimableError(
            f"A covariance ({structure.label}) of {T} visits with {h} parameters is too large to "
            "be fitted. Choose one with fewer parameters, such as covariance='ar1' or 'cs', or "
            "take days as numbers: LMM('score ~ day', random='1 + day')."
        )


def check_columns(T: int, d: int) -> None:
    """Refuse at once sums that would take more memory than there is.

    Parameters
    ----------
    T : int
        Visits.
    d : int
        Distinct columns, the outcome of every visit among them.

    Raises
    ------
    NotEstimableError
    """
    if (T * d) ** 2 > _MOST_NUMBERS:
        raise NotEstimableError(
            f"{T} visits with {d} distinct columns are too many for a mean at every visit: the "
            f"sums would hold {(T * d) ** 2:.1e} numbers. Take days as numbers: LMM('score ~ day', "
            "random='1 + day'), or fewer visits."
        )


def structure_of(spec: MMRM, design: Design) -> Covariance:
    """Return the covariance structure of the visits of a design.

    Raises
    ------
    SpecError
        When it needs days that the visits do not name, or does not use those given.
    """
    structure = get_covariance(spec.covariance)
    if spec.time is not None and not structure.by_days:
        raise SpecError(
            f"time={spec.time!r} is not used by a {structure.label} covariance: leave it out."
        )
    unnamed = [
        str(v) for v, d in zip(design.visits, days_of(design.visits), strict=True) if np.isnan(d)
    ]
    if structure.by_days and spec.time is None and unnamed and len(design.visits) > 1:
        raise SpecError(
            f"A {structure.label} covariance needs days, and the visits {', '.join(unnamed[:5])} "
            "do not name any. Give days as visits, or the column of the actual days: time='day'."
        )
    if structure.by_places and design.never_rated:
        skipped = ", ".join(str(v) for v in design.never_rated)
        warn(
            f"No subject was assessed at {skipped}, planned between assessed visits: the "
            f"{structure.label} covariance counts it as a step. If it was never planned, leave it "
            "out of the categories: frame['visit'].cat.remove_unused_categories().",
            EstimateWarning,
        )
    return structure.at(design.places)


def model_of(summary: CrossProducts, structure: Covariance, design: Design, reml: bool) -> Model:
    """Return the likelihood of the cross-products, one covariance a group."""
    n_groups = len(design.groups)
    return Model(
        products=summary,
        structures=[OnDays(structure, design.days)] * n_groups,
        sizes=[structure.size(design.days.shape[1])] * n_groups,
        block=summary.group // len(design.days),
        member=summary.group % len(design.days),
        reml=reml,
    )


def check_groups(model: Model, design: Design, group: str | None) -> None:
    """Refuse separate covariances for groups of one subject."""
    if group is None:
        return
    n = np.bincount(model.block, weights=model.products.n, minlength=len(design.groups))
    few = [name for name, k in zip(design.groups, n, strict=True) if k < 2]
    if few:
        raise NotEstimableError(
            f"group={group!r}: {', '.join(few)} has at most one subject, too few for a "
            "covariance. Leave the group out, merge it with another, or give all groups one "
            "covariance (group=None)."
        )
