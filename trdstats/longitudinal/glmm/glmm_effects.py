"""Effects of a fitted generalised linear mixed model, and means that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray, FloatArray, ObjectArray
from trdstats.errors import SpecError
from trdstats.estimates import Estimates
from trdstats.longitudinal.designs.estimable import Identified
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome
from trdstats.longitudinal.glmm.effects import RandomEffects
from trdstats.longitudinal.glmm.fitted import FittedGLMM
from trdstats.longitudinal.glmm.glmm_margins import GLMMMargins, link_margins, response_margins
from trdstats.longitudinal.glmm.normal_inference import NormalInference
from trdstats.longitudinal.glmm.parameters import (
    Deviations,
    Parameters,
    deviations,
    parameters_of,
)
from trdstats.longitudinal.rated.effects import RatedEffects

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm import GLMM


@checked_methods
@dataclass(frozen=True, repr=False)
class GLMMEffects(RatedEffects):
    """Effects of a fitted generalised linear mixed model and means that follow from them.

    Attributes
    ----------
    spec : GLMM
    design : RatedOutcome
        Analysed ratings, and counts of those left out.
    effects : RandomEffects
    fitted : FittedGLMM
    """

    spec: GLMM
    design: RatedOutcome
    effects: RandomEffects
    fitted: FittedGLMM

    title: ClassVar[str] = "Generalised linear mixed model"
    ratio_titles: ClassVar[Mapping[str, str]] = {
        "logit": "Odds ratios of a subject", "log": "Rate ratios of a subject",
    }  # fmt: skip

    @cached_property
    def parameters(self) -> Parameters:
        """Thresholds, coefficients and covariance factor, with the influence of every subject."""
        robust = self.spec.vcov == "robust" or self.is_weighted
        return parameters_of(self.design, self.fitted, robust=robust)

    @property
    def is_weighted(self) -> bool:
        """Whether subjects have weights."""
        return self.design.weighting is not None

    @property
    def influences(self) -> FloatArray:
        """Influence of every subject on the parameters, the estimation of weights included."""
        return self.parameters.influence

    @property
    def subjects(self) -> ObjectArray:
        """Subjects of the influences."""
        return self.parameters.subjects

    def on_parameters(self, L: FloatArray) -> FloatArray:
        """Return coefficients on the parameters, of those on all columns of the design."""
        k = self.fitted.n_thresholds
        rows = np.zeros((len(L), len(self.parameters.theta)))
        rows[:, k : k + len(self.fitted.estimated)] = L[:, self.fitted.estimated]
        return rows

    @property
    def identified(self) -> Identified:
        """Inference on combinations of all columns of the design, refused where not estimable."""
        kept = self.fitted.columns.kept
        rows = self.on_parameters(np.eye(len(self.design.terms))[kept])
        inference = NormalInference(
            rows @ self.parameters.theta,
            rows @ self.parameters.covariance @ rows.T,
            rows @ self.parameters.root,
        )
        return Identified(self.design, inference, self.fitted.columns)

    def why_lost(self, violated: BoolArray) -> str:
        """Return why combinations that break relations between the columns are not estimable."""
        return self.separation or self.identified.aliasing(violated)

    def _spread(self, rows: FloatArray) -> FloatArray:
        part = rows @ self.parameters.root
        return np.asarray(part @ part.T)

    def _coefficients(self) -> tuple[FloatArray, FloatArray]:
        return self.parameters.theta, self.parameters.covariance

    def _explained(
        self, table: Estimates, cells: Sequence[Mapping[str, object]] | None
    ) -> Estimates:
        if not self.fitted.separated:
            return table
        why = f"no finite estimate: {self.separation}"
        lost = np.isnan(table.value)
        reasons = tuple(why if x else r for x, r in zip(lost, table.reasons, strict=True))
        return replace(table, reasons=reasons)

    @property
    def separation(self) -> str:
        """Which columns predict ratings without error, in words; empty without."""
        names = self.fitted.separated
        if not names:
            return ""
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        return f"{shown} predict {self.fitted.n_separated:,} ratings without error (separation)"

    @property
    def deviations(self) -> Deviations:
        """Standard deviations of the random effects and their correlation."""
        return deviations(self.parameters, self.fitted, self.effects.names)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the random effects."""
        factor = self.fitted.rows.factor(self.parameters.theta)
        names = list(self.effects.names)
        return pd.DataFrame(factor @ factor.T, index=names, columns=names)

    def margins(
        self,
        term: str,
        *,
        by: str | None = None,
        at: Mapping[str, Level] | None = None,
        scale: Literal["response", "link"] = "response",
        covariates: Literal["observed", "fixed"] | None = None,
        weights: Literal["equal", "proportional"] = "equal",
    ) -> GLMMMargins:
        """Estimate the probabilities, or counts, of the population by treatment and visit.

        Parameters
        ----------
        term : str
            Column whose levels are compared, e.g. ``"treatment"``.
        by : str, optional
            Column within whose levels they are estimated, e.g. ``"visit"``.
        at : mapping, optional
            Values of covariates, the same for all subjects.
        scale : {"response", "link"}
            "response": the average over the distribution of the random effects, by integration;
            the probability of every category for an ordinal outcome. "link": the linear predictor
            of a subject whose random effects are 0.
        covariates : {"observed", "fixed"}
            "observed" averages over the subjects with an analysed rating, each once (or with its
            weight) whatever its number of visits, with the covariates it has (g-computation), and
            counts that these are a sample. "fixed" takes numbers at their mean over the analysed
            ratings and averages other categories on the scale of the link.
            Default: "observed" on the response scale, "fixed" on that of the link.
        weights : {"equal", "proportional"}
            How "fixed" averages the levels of other categories.

        Raises
        ------
        UnknownNameError, SpecError
            When a column is not in the model or has no levels, or covariates that change between
            visits would have to be averaged.

        References
        ----------
        Zeger, Liang and Albert 1988, doi:10.2307/2531734. Robins 1986,
        doi:10.1016/0270-0255(86)90088-6.
        """
        if scale == "link":
            if covariates == "observed":
                raise SpecError(
                    "Means on the scale of the link are at fixed covariates: leave covariates out, "
                    "or use scale='response'."
                )
            return link_margins(self, term, by, at or {}, weights)
        return response_margins(self, term, by, at or {}, weights, covariates or "observed")
