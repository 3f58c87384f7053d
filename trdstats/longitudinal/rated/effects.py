"""Effects of a model of an outcome rated repeatedly, as estimates on the scale of its link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray, ObjectArray
from trdstats.errors import SpecError
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.scales import ScaleName
from trdstats.longitudinal.designs.estimable import Identified
from trdstats.longitudinal.designs.rated_outcome import RatedDesign

_LOG: ScaleName = "log"


@checked_methods
class RatedEffects(EstimateResult):
    """A fitted model of events, categories, counts or scores at visits.

    A subclass says what its parameters are: thresholds of an ordinal outcome, coefficients, and
    what else it has.
    """

    spec: Any
    design: RatedDesign
    title: ClassVar[str]
    # Titles of ratios by link.
    ratio_titles: ClassVar[Mapping[str, str]]

    @property
    def identified(self) -> Identified:
        """Inference on combinations of all columns of the design, refused where not estimable."""
        raise NotImplementedError

    @property
    def influences(self) -> FloatArray:
        """Influence of every subject on the parameters, the estimation of weights included."""
        raise NotImplementedError

    @property
    def subjects(self) -> ObjectArray:
        """Subjects of the influences."""
        raise NotImplementedError

    def on_parameters(self, L: FloatArray) -> FloatArray:
        """Return coefficients on the parameters, of those on all columns of the design."""
        raise NotImplementedError

    def why_lost(self, violated: BoolArray) -> str:
        """Return why combinations that break relations between the columns are not estimable."""
        raise NotImplementedError

    def _coefficients(self) -> tuple[FloatArray, FloatArray]:
        """Return the parameters and their covariance."""
        raise NotImplementedError

    def _spread(self, rows: FloatArray) -> FloatArray:
        """Return the covariance of combinations of the parameters."""
        return np.asarray(rows @ self._coefficients()[1] @ rows.T)

    def _degrees(self, rows: FloatArray) -> Any:
        """Return the degrees of freedom of combinations of the parameters, as estimates take them.

        Default: infinite.
        """
        return np.inf

    def _explained(
        self, table: Estimates, cells: Sequence[Mapping[str, object]] | None
    ) -> Estimates:
        """Return combinations with what separation says of them."""
        raise NotImplementedError

    @property
    def thresholds(self) -> tuple[str, ...]:
        """Names of the thresholds of an ordinal model: "mild | moderate"."""
        return tuple(f"{a} | {b}" for a, b in pairwise(self.design.categories))

    def through_weights(self, effect: FloatArray) -> FloatArray:
        """Return influences of analysed subjects, the estimation of subjects' weights included."""
        weighting = self.design.weighting
        return effect if weighting is None else weighting.through(effect)

    def estimates(self) -> Estimates:
        """Return the effects on the scale of the link; NaN with the reason where not estimable.

        An ordinal model has its thresholds first: logit P(at most this category) at covariates,
        and random effects, of 0.
        """
        k, terms = len(self.thresholds), self.design.terms
        shown = [j for j, t in enumerate(terms) if not (k and t == "Intercept")]
        L = np.eye(len(terms))[shown]
        keys = pd.DataFrame({"term": [*self.thresholds, *(terms[j] for j in shown)]})
        effects = self.estimable(L, keys.iloc[k:], None)
        if not k:
            return replace(effects, title=self.title)
        value = self._coefficients()[0]
        lost = np.concatenate([np.zeros(k, dtype=bool), np.isnan(effects.value)])
        rows = np.vstack([np.eye(k, len(value)), self.on_parameters(L)])
        rows = np.where(lost[:, None], 0.0, rows)
        covariance = self._spread(rows)
        covariance[lost], covariance[:, lost] = np.nan, np.nan
        return estimates_of(
            keys, np.concatenate([value[:k], effects.value]), covariance=covariance,
            influences=self.influences @ rows.T, subjects=self.subjects, null=0.0,
            df=self._degrees(rows), reasons=("",) * k + effects.reasons, title=self.title,
            notes=effects.notes,
        )  # fmt: skip

    def estimable(
        self,
        L: FloatArray,
        keys: pd.DataFrame,
        cells: Sequence[Mapping[str, object]] | None,
        size: FloatArray | None = None,
    ) -> Estimates:
        """Return combinations of the columns of the design on the scale of the link.

        Parameters
        ----------
        L : ndarray, shape (k, q)
            Coefficients on all columns, aliased ones included.
        keys : pandas.DataFrame
        cells : sequence of mapping, optional
            Levels of categories that each row stands for.
        size : ndarray, shape (k, q), optional
            As in `Estimability.violates`.
        """
        table = self._explained(self.identified.estimates(L, keys, cells=cells, size=size), cells)
        rows = np.where(np.isnan(table.value)[:, None], 0.0, self.on_parameters(L))
        return replace(table, influences=self.influences @ rows.T, subjects=self.subjects)

    def ratios(self) -> Estimates:
        """Return the effects as ratios: odds ratios of a logit link, risk or rate ratios of a log.

        Those of a model with random effects compare a subject with itself.

        Raises
        ------
        SpecError
            When the link is another.
        """
        link = self.spec.link_name
        if link not in ("logit", "log"):
            raise SpecError(
                f"Effects are ratios on the scale of a logit or log link; this model has {link!r}."
            )
        estimates = self.estimates()
        effects = estimates.select(~estimates.keys["term"].isin(["Intercept", *self.thresholds]))
        scale = (_LOG,) * len(effects)
        return replace(
            effects, value=np.exp(effects.value), scale=scale, null=np.ones(len(effects)),
            limits_scale=scale, title=self.ratio_titles[link],
        )  # fmt: skip
