"""Results of generalised estimating equations: effects, tests, margins, influence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray, FloatArray, ObjectArray
from trdstats.errors import SpecError
from trdstats.estimates import Estimates
from trdstats.kernels.gee.criteria import Criteria
from trdstats.kernels.gee.sandwich import GEEInference
from trdstats.longitudinal.designs.degrees import ModelDegrees
from trdstats.longitudinal.designs.estimable import Identified
from trdstats.longitudinal.designs.rated_outcome import RatedDesign
from trdstats.longitudinal.gee.correlation import correlation_of
from trdstats.longitudinal.gee.dropout_share import DropoutShare
from trdstats.longitudinal.gee.equations import Equations, criteria_of
from trdstats.longitudinal.gee.gee_margins import GEEMargins, link_margins, response_margins
from trdstats.longitudinal.gee.gee_tests import joint_test_of, type3_of
from trdstats.longitudinal.gee.gee_words import summary_of
from trdstats.longitudinal.gee.on_columns import OnColumns
from trdstats.longitudinal.gee.separated import Separated
from trdstats.longitudinal.rated.effects import RatedEffects
from trdstats.tables import Summary

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee import GEE


@checked_methods
@dataclass(frozen=True, repr=False)
class GEEResult(RatedEffects):
    """Fitted generalised estimating equations.

    Attributes
    ----------
    spec : GEE
    design : RatedDesign
        Analysed ratings, and counts of those left out; of a study in memory with its rows.
    inference : OnColumns
        On the columns of the design that were estimated.
    parameters : GEEInference
        On the parameters of the equations: thresholds of an ordinal model, then effects.
    dropout : DropoutShare or None
        What the model of weights for dropout adds to the influences.
    """

    spec: GEE
    design: RatedDesign
    inference: OnColumns
    parameters: GEEInference
    _equations: Equations
    dropout: DropoutShare | None = None

    title: ClassVar[str] = "Generalised estimating equations"
    ratio_titles: ClassVar[Mapping[str, str]] = {"logit": "Odds ratios", "log": "Ratios"}

    @property
    def identified(self) -> Identified:
        """Inference on combinations of all columns of the design, refused where not estimable."""
        return Identified(self.design, self.inference, self._equations.columns)

    @property
    def separated(self) -> Separated | None:
        """Ratings that covariates predict without error; None without any."""
        return self._equations.separated

    @property
    def influences(self) -> FloatArray:
        """Influence of every subject on the parameters, the estimation of weights included."""
        return self.parameters.influence

    @property
    def subjects(self) -> ObjectArray:
        """Subjects of the influences: analysed ones, then others of a model of weights."""
        analysed = np.asarray(self.design.subjects, dtype=object)
        if self.dropout is not None:
            return np.concatenate([analysed, self.dropout.other_subjects])
        weighting = self.design.weighting
        return analysed if weighting is None else weighting.subjects(analysed)

    def through_weights(self, effect: FloatArray) -> FloatArray:
        """Return influences of analysed subjects, the estimation of subjects' weights included."""
        if self.dropout is not None:
            others = np.zeros((len(self.dropout.other_subjects), effect.shape[1]))
            return np.vstack([effect, others])
        return super().through_weights(effect)

    def on_parameters(self, L: FloatArray) -> FloatArray:
        """Return coefficients on the parameters, of those on all columns of the design."""
        return np.asarray(L[:, self._equations.columns.kept] @ self.inference.matrix)

    def why_lost(self, violated: BoolArray) -> str:
        """Return why combinations that break relations between the columns are not estimable."""
        return self.identified.aliasing(violated)

    def _coefficients(self) -> tuple[FloatArray, FloatArray]:
        return self.parameters.beta, self.parameters.covariance

    def _degrees(self, rows: FloatArray) -> ModelDegrees:
        return ModelDegrees(self.parameters, rows)

    def _explained(
        self, table: Estimates, cells: Sequence[Mapping[str, object]] | None
    ) -> Estimates:
        return table if self.separated is None else self.separated.explain(table, cells)

    def margins(
        self,
        term: str,
        *,
        by: str | None = None,
        at: Mapping[str, Level] | None = None,
        scale: Literal["response", "link"] = "response",
        covariates: Literal["observed", "fixed"] | None = None,
        weights: Literal["equal", "proportional"] = "equal",
    ) -> GEEMargins:
        """Estimate marginal means: probabilities, counts or scores by treatment and visit.

        Parameters
        ----------
        term : str
            Column whose levels are compared, e.g. ``"treatment"``.
        by : str, optional
            Column within whose levels they are estimated, e.g. ``"visit"``.
        at : mapping, optional
            Values of covariates, the same for all subjects.
        scale : {"response", "link"}
            Probabilities (of every category, for an ordinal outcome), counts or scores; or the
            scale of the link, whose differences are log odds ratios or log ratios.
        covariates : {"observed", "fixed"}
            "observed" averages over the subjects with an analysed rating, each once (or with its
            weight) whatever its number of visits, with the covariates it has (g-computation), and
            counts that these are a sample. "fixed" takes numbers at their mean over the analysed
            ratings and averages other categories on the scale of the link, as R emmeans does.
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
        Robins 1986, doi:10.1016/0270-0255(86)90088-6. Ye, Bannick, Yi and Shao 2023,
        doi:10.1080/24754269.2023.2205802.
        """
        if scale == "link":
            if covariates == "observed":
                raise SpecError(
                    "Means on the scale of the link are at fixed covariates; averages over the "
                    "observed ones are probabilities or scores: scale='response'."
                )
            return link_margins(self, term, by, at or {}, weights)
        return response_margins(self, term, by, at or {}, weights, covariates or "observed")

    def joint_test(
        self,
        terms: str | Sequence[str] | FloatArray,
        *,
        method: Literal["wald", "score"] = "wald",
    ) -> pd.DataFrame:
        """Test several effects together.

        Parameters
        ----------
        terms : str, sequence of str, or array_like of shape (k, q)
            Columns of the design; a term of the formula (``"treatment:visit"``) stands for all
            its columns; or coefficients on all columns of the design (`design.terms`). If not all
            are estimable, the estimable combinations are tested.
        method : {"wald", "score"}
            By the estimates and their covariance, or by the equations at the solution without the
            effects (Rotnitzky and Jewell 1990, doi:10.1093/biomet/77.3.485), chi-squared.

        Returns
        -------
        pandas.DataFrame
            statistic (F; of the score test chi-squared over `df_num`), df_num, df_den, p_value,
            reason (what is not estimable and why).

        Raises
        ------
        UnknownNameError
            When a term is not in the model.
        SpecError
            When the weights were estimated, which the score test does not know.
        """
        return joint_test_of(self, terms, method)

    def type3(self) -> pd.DataFrame:
        """Test every term of the formula (type III), as `MMRM` results do.

        Returns
        -------
        pandas.DataFrame
            term, statistic (F), df_num, df_den, p_value, reason (what is not estimable and why).
        """
        return type3_of(self)

    @property
    def criteria(self) -> Criteria:
        """QIC, QICu and CIC (Pan 2001); NaN with weights, whose likelihood is no likelihood."""
        return criteria_of(self.design, self._equations)

    @property
    def correlation(self) -> pd.DataFrame:
        """Working correlation of the visits; of "ar1-days" at the mean days of the visits."""
        solved = self._equations
        return correlation_of(self.design, self.spec.corr, solved.fit.alpha, solved.ratings.visits)

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, ratings, dispersion, QIC and convergence."""
        fit, c = self._equations.fit, self.criteria
        return pd.DataFrame(
            {
                "n": [len(self.design.subjects)],
                "n_obs": [self.design.n_obs],
                "n_left_out": [sum(self.design.left_out.values())],
                "dispersion": [fit.dispersion],
                "qic": [c.qic],
                "qicu": [c.qicu],
                "cic": [c.cic],
                "n_iterations": [fit.iterations],
                "converged": [fit.converged],
            }
        )

    def summary(self) -> Summary:
        """Return the fit and its effects as tables."""
        return summary_of(self)
