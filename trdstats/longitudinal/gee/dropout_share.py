"""What the estimation of weights for dropout adds to the influences of subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, ObjectArray
from trdstats.kernels.gee.ratings import RatingRows
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome
from trdstats.longitudinal.gee.equations import Equations


@dataclass(frozen=True)
class VisitWeights:
    """Estimated weights of visits with the model they were estimated by.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, visit, weight.
    log_derivative : ndarray, shape (N, p)
        Derivative of the logarithm of each weight in the parameters of the model.
    influence : ndarray, shape (n, p)
        Influence of each subject on the parameters.
    subjects : ndarray of object, shape (n,)
    label : str
        What the weights are, in words.
    """

    frame: pd.DataFrame
    log_derivative: FloatArray
    influence: FloatArray
    subjects: ObjectArray
    label: str


@dataclass(frozen=True)
class DropoutShare:
    """The share of the model of the weights in the influences of a fit.

    Attributes
    ----------
    label : str
    other_subjects : ndarray of object
        Subjects of the model without a rating in the fit.
    """

    label: str
    other_subjects: ObjectArray


def with_dropout(
    design: RatedOutcome, equations: Equations, weights: VisitWeights, direct: FloatArray
) -> tuple[FloatArray, DropoutShare]:
    """Return influences on the parameters that include the estimation of the weights.

    Parameters
    ----------
    design : RatedOutcome
    equations : Equations
        Solved under independence, so that a weight belongs to its rating alone.
    weights : VisitWeights
    direct : ndarray, shape (n, q)
        Influences with the weights taken as known.

    Returns
    -------
    influence : ndarray, shape (n + m, q)
        Those of the analysed subjects, then of others of the model.
    share : DropoutShare
    """
    ratings = equations.ratings
    assert isinstance(ratings, RatingRows)  # such weights stand in memory
    at = ratings.model.at(equations.fit.beta)
    assert at is not None  # the solution lies inside the range
    score = np.einsum("nc,ncq->nq", at.residual, at.design) @ equations.fit.bread
    known = pd.MultiIndex.from_arrays([weights.frame["subject"], weights.frame["visit"]])
    used = np.arange(design.n_obs) if equations.used is None else np.flatnonzero(equations.used)
    wanted = pd.MultiIndex.from_arrays(
        [design.subjects[design.person[used]], design.visits[design.occasion[used]]]
    )
    slope = weights.log_derivative[known.get_indexer(wanted)].T @ score
    place = pd.Index(weights.subjects).get_indexer(design.subjects)
    of_analysed = np.where((place >= 0)[:, None], weights.influence[place], 0.0)
    others = np.ones(len(weights.subjects), dtype=bool)
    others[place[place >= 0]] = False
    influence = np.vstack([direct + of_analysed @ slope, weights.influence[others] @ slope])
    return influence, DropoutShare(weights.label, weights.subjects[others])
