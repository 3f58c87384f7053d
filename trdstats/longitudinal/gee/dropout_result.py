"""The fitted model of staying, and the weights of visits that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.weighting.generalised_linear import LinearFit
from trdstats.longitudinal.gee.dropout_share import VisitWeights
from trdstats.tables import Summary, Table, each_row, format_number, format_p

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.dropout_weights import DropoutWeights


@dataclass(frozen=True)
class StayingModel:
    """A logistic regression of staying.

    Attributes
    ----------
    fit : LinearFit
    terms : list of str
    X : ndarray, shape (R, p)
        Rows at risk.
    sign : float
        -1 where its probability divides the weights, 1 where it multiplies them.
    """

    fit: LinearFit
    terms: list[str]
    X: FloatArray
    sign: float


@checked_methods
@dataclass(frozen=True, repr=False)
class DropoutWeightsResult(EstimateResult):
    """Weights of visits, and the model of staying they come from.

    Attributes
    ----------
    spec : DropoutWeights
    subjects : ndarray of object, shape (n,)
    visits : pandas.Index, length T
    person : ndarray of int, shape (n T,)
        Subject of each row; the visits of a subject follow each other.
    at_risk, stays : ndarray of bool, shape (n T,)
        Who had not left before the visit before, and who was there at the visit or later.
    models : tuple of StayingModel
        The denominator, and the numerator where there is one.
    """

    spec: DropoutWeights
    subjects: ObjectArray
    visits: pd.Index[Any]
    person: IntArray
    at_risk: BoolArray
    stays: BoolArray
    models: tuple[StayingModel, ...]

    def estimates(self) -> Estimates:
        """Return the log odds ratios of staying, with the influence of every subject."""
        model = self.models[0]
        return estimates_of(
            pd.DataFrame({"term": model.terms}), model.fit.beta, influences=self._influence(model),
            subjects=self.subjects, null=0.0, title="Staying until the next visit",
        )  # fmt: skip

    def _influence(self, model: StayingModel) -> FloatArray:
        """Return the influence of every subject on a model, shape (n, p)."""
        return grouped_sums(self.person[self.at_risk], model.fit.influence(), len(self.subjects))

    @cached_property
    def visit_weights(self) -> VisitWeights:
        """The weights with their model, as `GEE` takes them."""
        n, T = len(self.subjects), len(self.visits)
        log_weight, parts = np.zeros((n, T)), []
        for model in self.models:
            p = np.ones(n * T)
            p[self.at_risk] = model.fit.mean(model.X)
            log_weight += model.sign * np.cumsum(np.log(p).reshape(n, T), axis=1)
            slope = np.zeros((n * T, len(model.terms)))
            slope[self.at_risk] = (1 - p[self.at_risk])[:, None] * model.X
            parts.append(model.sign * np.cumsum(slope.reshape(n, T, -1), axis=1))
        there = self.stays
        frame = pd.DataFrame(
            {
                "subject": self.subjects[self.person[there]],
                "visit": np.asarray(self.visits, dtype=object)[np.tile(np.arange(T), n)[there]],
                "weight": np.exp(log_weight).ravel()[there],
            }
        )
        return VisitWeights(
            frame, np.concatenate(parts, axis=2).reshape(n * T, -1)[there],
            np.hstack([self._influence(m) for m in self.models]), self.subjects, self._label(frame),
        )  # fmt: skip

    @property
    def weights(self) -> pd.DataFrame:
        """Weights: subject, visit, weight; one row a visit until the subject left."""
        return self.visit_weights.frame

    def _label(self, frame: pd.DataFrame) -> str:
        w = frame["weight"].to_numpy(dtype=float)
        return (
            f"inverse probability of staying ({self.spec.formula}), from {w.min():.2f} to "
            f"{w.max():.2f}; standard errors include their estimation"
        )

    def summary(self) -> Summary:
        """Return the model and the size of the weights."""
        frame = self.weights
        w = frame["weight"].to_numpy(dtype=float)
        left = int((self.at_risk & ~self.stays).sum())
        header = (
            ("Staying", self.spec.formula),
            *((("Numerator", self.spec.numerator),) if self.spec.numerator else ()),
            ("Subjects", f"{len(self.subjects):,}"),
            ("Left before the last visit", f"{left:,}"),
            ("Weights", f"mean {w.mean():.2f}, from {w.min():.2f} to {w.max():.2f}"),
            ("Effective number of visits", f"{w.sum() ** 2 / (w**2).sum():,.1f} of {len(w):,}"),
        )
        rows = tuple(
            (
                r.term, format_number(r.estimate, 3), format_number(r.std_error, 3),
                format_p(r.p_value),
            )
            for r in each_row(self.tidy())
        )  # fmt: skip
        table = Table(("Term", "Log odds ratio of staying", "SE", "p"), rows)
        return Summary("Weights for dropout", header, (table,))
