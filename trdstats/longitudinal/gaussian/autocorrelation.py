"""Autocorrelation of residuals by distance between visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.kernels.numerics.critical import critical_value

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mixed.analysed_rows import AnalysedRows
    from trdstats.longitudinal.gaussian.predict import Kind


def residual_autocorrelation(fit: AnalysedRows, kind: Kind, conf_level: float) -> pd.DataFrame:
    """Return autocorrelations; see `MixedResult.residual_autocorrelation`."""
    check_level(conf_level)
    if fit.design.scales is not None:
        raise SpecError(
            f"The ratings are of several instruments ({fit.design.scales.column!r}), so that the "
            "places of the rows are no distances in visits: fit one instrument alone."
        )
    residual = fit.residuals(kind)["residual"].to_numpy()
    design = fit.design
    subject = pd.factorize(design.row_subjects)[0]
    place = _places(subject, design.occasion) if design.by_row else design.occasion
    T = int(place.max()) + 1
    table = np.full((int(subject.max()) + 1, T), np.nan)
    table[subject, place] = residual
    scale = float(np.mean(residual**2))
    if T < 2 or not scale:
        raise NotEstimableError("Autocorrelation needs subjects with two ratings or more.")
    z = critical_value(conf_level)
    rows = []
    for lag in range(1, T):
        products = (table[:, lag:] * table[:, :-lag]).ravel()
        products = products[~np.isnan(products)]
        n = len(products)
        if n:
            half = z / np.sqrt(n)
            rows.append((lag, float(products.mean()) / scale, n, -half, half))
    columns = ["lag", "autocorrelation", "n_pairs", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=columns)


def _places(subject: np.ndarray, occasion: np.ndarray) -> np.ndarray:
    """Return the place of each rating among those of its subject, in the order of the rows."""
    order = np.lexsort((np.arange(len(subject)), occasion, subject))
    sizes = np.bincount(subject)
    place = np.empty(len(subject), dtype=np.intp)
    place[order] = np.arange(len(subject)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place
