"""Results of a mixed model for repeated measures, beside those of every mixed model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.longitudinal.gaussian.covariances import Covariance, get_covariance
from trdstats.longitudinal.gaussian.mixed_result import MixedResult
from trdstats.longitudinal.gaussian.predict import missing_visits

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM


@dataclass(frozen=True, repr=False)
class MMRMResult(MixedResult):
    """A fitted mixed model for repeated measures."""

    spec: MMRM
    _origin: FloatArray = field(kw_only=True)
    title: ClassVar[str] = "Mixed model for repeated measures"

    @property
    def structure(self) -> str:
        """Covariance structure in words."""
        by = f", by {self.spec.group}" if self.spec.group else ""
        return get_covariance(self.spec.covariance).label + by

    @property
    def _structure(self) -> Covariance:
        return get_covariance(self.spec.covariance).at(self.design.places)

    def _header(self) -> tuple[tuple[str, str], ...]:
        """Return the order of visits that was read from texts, and which are constrained."""
        design = self.design
        header = []
        if design.order_from_text:
            header.append(("Order of visits", ", ".join(str(v) for v in design.visits)))
        if design.baseline is not None:
            names = ", ".join(f"{v:g}" if isinstance(v, float) else str(v)
                              for v in design.baseline.before if v in design.visits)  # fmt: skip
            header.append(("Constrained", f"treatments have one mean at {names}"))
        return tuple(header)

    @property
    def covariance(self) -> pd.DataFrame | dict[str, pd.DataFrame]:
        """Covariance matrix of the visits on their nominal days; with ``group``, one a group."""
        visits = self.design.visits
        structure = self._structure
        thetas = self._model.parts(self._optimum.state.theta)
        by_group = {
            name: pd.DataFrame(
                structure.matrix(theta, self.design.nominal_days), index=visits, columns=visits
            )
            for name, theta in zip(self.design.groups, thetas, strict=True)
        }
        return by_group if self.spec.group else by_group["all"]

    def covariance_parameters(self) -> pd.DataFrame:
        """Return covariance parameters: term, group, estimate, std_error, start of the search."""
        names = self._structure.names([str(v) for v in self.design.visits])
        groups = self.design.groups
        return pd.DataFrame(
            {
                "term": names * len(groups),
                "group": np.repeat(groups, len(names)),
                "estimate": self._optimum.state.theta,
                "std_error": np.sqrt(np.diag(self._of_theta)),
                "start": self._optimum.start,
            }
        )

    def predict_missing(self) -> pd.DataFrame:
        """Predict the missed visits from those observed on the same subject.

        Missing at random given the observed visits, as the model itself assumes. The error includes
        the variance of the visit and the uncertainty of the fixed effects; the covariance is
        taken as known.

        Returns
        -------
        pandas.DataFrame
            subject, visit, estimate, std_error, reason; one row a missed visit of a subject with
            ratings. Where the model has no mean for the visit, as for a treatment without
            any assessment at it, the prediction is NaN, and reason says why.

        Raises
        ------
        NotEstimableError
            When a covariate changes between visits, or the ratings are weighted.
        """
        return missing_visits(self)

    def visit_variances(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the variance at each visit, and the sampling variance of each, shape (T,).

        None where groups have their own covariances.
        """
        if self.spec.group:
            return None
        shape = self._optimum.state.shapes[0]
        slope = np.diagonal(shape.first[:, 0], axis1=1, axis2=2)
        spread = np.einsum("ht,hk,kt->t", slope, self._of_theta, slope)
        return np.diag(shape.value[0]), spread
