"""A mixed model that was fitted: what it was fitted to, its likelihood and criteria."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.estimates import EstimateResult
from trdstats.kernels.gaussian.estimability import Estimability
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.kernels.gaussian.newton import Optimum
from trdstats.kernels.gaussian.reml import Model
from trdstats.kernels.random_effects.likelihood import LikelihoodModel
from trdstats.kernels.random_effects.search import Optimum as RandomOptimum
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.estimable import Identified
from trdstats.longitudinal.designs.subject_weights import Weighting

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM
    from trdstats.longitudinal.gaussian.mmrm import MMRM


@checked_methods
@dataclass(frozen=True, repr=False)
class FittedModel(EstimateResult):
    """The fit itself: see `MixedResult`."""

    spec: MMRM | LMM
    design: Design
    terms: tuple[str, ...]
    aliased: tuple[str, ...]
    inference: Inference
    _columns: Estimability
    _model: Model | LikelihoodModel
    _optimum: Optimum | RandomOptimum
    _of_theta: FloatArray
    _weighting: Weighting | None = field(default=None, kw_only=True)
    _by_constraint: tuple[int, ...] = field(default=(), kw_only=True)

    title: ClassVar[str] = "Mixed model"

    @property
    def _kept(self) -> IntArray:
        """Columns of the design that were estimated."""
        return self._columns.kept

    @property
    def identified(self) -> Identified:
        """Inference on combinations of all columns of the design, aliased ones included."""
        return Identified(self.design, self.inference, self._columns, self._by_constraint)

    @property
    def structure(self) -> str:
        """Covariance structure in words."""
        raise NotImplementedError

    @property
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return -self._optimum.state.deviance / 2

    @property
    def deviance(self) -> float:
        """Minus twice the log-likelihood."""
        return self._optimum.state.deviance

    @property
    def n_covariance(self) -> int:
        """Number of covariance parameters."""
        return int(sum(self._model.sizes))

    @property
    def aic(self) -> float:
        """Akaike's criterion; under REML it counts covariance parameters only, as SAS and mmrm.

        NaN with weights of subjects, whose likelihood is a pseudo-likelihood.
        """
        return float("nan") if self._weighting else self.deviance + 2 * self._n_counted()

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for small samples: 2 k n / (n - k - 1) in place of 2 k.

        As SAS: k parameters as `aic` counts them; n ratings, under REML less the fixed effects.

        References
        ----------
        Hurvich and Tsai 1989, doi:10.1093/biomet/76.2.297.
        """
        k = self._n_counted()
        n = max(self.n_obs - (len(self.terms) if self.spec.reml else 0), k + 2)
        return float("nan") if self._weighting else self.deviance + 2 * k * n / (n - k - 1)

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of subjects, as SAS and mmrm; NaN as `aic`."""
        if self._weighting:
            return float("nan")
        return self.deviance + float(np.log(self._n_units)) * self._n_counted()

    @property
    def n_obs(self) -> int:
        """Number of analysed ratings."""
        return self._model.n_obs

    @property
    def _n_units(self) -> int:
        """Number of subjects, or of sites whose subjects are not independent."""
        raise NotImplementedError

    def _n_counted(self) -> int:
        return self.n_covariance

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, ratings, log-likelihood, AIC, BIC, and convergence."""
        o = self._optimum
        return pd.DataFrame(
            {
                "n": [self._n_units],
                "n_obs": [self.n_obs],
                "n_left_out": [sum(self.design.left_out.values())],
                "loglik": [self.loglik],
                "deviance": [self.deviance],
                "aic": [self.aic],
                "aicc": [self.aicc],
                "bic": [self.bic],
                "n_covariance": [self.n_covariance],
                "n_iterations": [o.n_iterations],
                "n_evaluations": [o.n_evaluations],
                "gradient": [float(np.abs(o.gradient).max())],
                "condition": [float(np.linalg.cond(o.hessian))],
                "converged": [o.is_minimum],
            }
        )

    def _need_rows(self, what: str) -> None:
        """Refuse what needs rows where the model was fitted to sums.

        Parameters
        ----------
        what : str
            In the plural.

        Raises
        ------
        SpecError
        """
        if not len(self.design.person):
            raise SpecError(
                f"The model was fitted to a summary, which has no rows: {what} need them."
            )

    @property
    def _has_influences(self) -> bool:
        """Whether the influence of subjects can be had."""
        return len(self.design.person) > 0

    def _design_of_subjects(self) -> Design:
        """Return the design with a row of every subject, the first one."""
        return self.design

    def _influence(self) -> FloatArray | None:
        """Return the influence of each subject on each fixed effect, shape (n, q).

        None where no subjects are independent of each other.
        """
        raise NotImplementedError

    def subject_lines(self) -> FloatArray | None:
        """Return the contribution of random effects at every rating, (n_rows,); None without."""
        return None

    def whitened(self, residual: FloatArray) -> FloatArray:
        """Return residuals times the inverse Cholesky factor of their covariance, (n_rows,)."""
        raise NotImplementedError

    def noise(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of what is not the mean of the analysed rows, shape (n, n_rows)."""
        raise NotImplementedError

    def variance_of_rows(self, table: pd.DataFrame) -> FloatArray:
        """Return the variance of one rating of a new subject on each row of a table."""
        raise NotImplementedError

    def visit_variances(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the variance at each visit, and the sampling variance of each, shape (T,).

        None where visits have no variance parameter, or groups differ in it.
        """
        return None
