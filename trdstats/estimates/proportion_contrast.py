"""Comparisons of two proportions as rows of a tidy table."""

from __future__ import annotations

from typing import Any

from trdstats.kernels.proportions.two_proportions import odds_ratio, risk_difference, risk_ratio

DIFFERENCES = ("miettinen-nurminen", "gart", "newcombe", "wald")
_KERNELS = {"difference": risk_difference, "ratio": risk_ratio, "odds ratio": odds_ratio}
MEASURES = tuple(_KERNELS)


def contrast_row(
    measure: str,
    treatment: str,
    counts: tuple[int, int],
    reference: str,
    reference_counts: tuple[int, int],
    method: str,
    conf_level: float,
) -> dict[str, Any]:
    """Return one comparison in the vocabulary of tidy results.

    Parameters
    ----------
    measure : {"difference", "ratio", "odds ratio"}
    treatment, reference : str
    counts, reference_counts : tuple of (int, int)
        Events and denominator.
    method : {"miettinen-nurminen", "gart", "newcombe", "wald"}
    conf_level : float
    """
    c = _KERNELS[measure](*counts, *reference_counts, method=method, conf_level=conf_level)
    return {
        "measure": measure,
        "treatment": treatment,
        "reference": reference,
        "estimate": c.estimate,
        "std_error": c.std_error,
        "statistic": c.statistic,
        "p_value": c.p_value,
        "conf_low": c.low,
        "conf_high": c.high,
        "method": method,
    }
