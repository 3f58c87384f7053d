"""Degrees of freedom of mixed models: by method of estimation, and of combinations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.kernels.gaussian.mixed_tests import Inference

DDF_WORDS = {
    "kenward-roger": "Kenward-Roger",
    "kenward-roger-linear": "Kenward-Roger (linear)",
    "satterthwaite": "Satterthwaite",
    "between-within": "between-within",
    "residual": "residual",
}


def check_degrees(ddf: str, reml: bool) -> None:
    """Raise `SpecError` where degrees of freedom are not defined for the estimation."""
    if ddf.startswith("kenward") and not reml:
        raise SpecError(
            "Kenward-Roger is defined for REML only: with reml=False give ddf='satterthwaite' "
            "or 'residual', or leave reml=True."
        )


@dataclass(frozen=True)
class ModelDegrees:
    """Degrees of freedom of estimates that are combinations of fixed effects.

    Attributes
    ----------
    inference : Inference
    rows : ndarray, shape (k, q)
        Coefficients of each estimate on the columns that were estimated; 0 where
        not estimable.
    """

    inference: Inference
    rows: FloatArray

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return those of each row of coefficients of the estimates; NaN for a row of zeros."""
        rows = L @ self.rows
        df = np.full(len(rows), np.nan)
        some = rows.any(axis=1)
        df[some] = self.inference.degrees(rows[some])
        return df

    def combine(self, L: FloatArray) -> ModelDegrees:
        """Return the rule for the estimates L times these."""
        return ModelDegrees(self.inference, L @ self.rows)
