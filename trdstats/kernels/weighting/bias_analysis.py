"""What an unmeasured confounder would have to do: E-values and corrected estimates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray


def from_odds_ratio(odds_ratio: npt.ArrayLike) -> FloatArray:
    """Return the risk ratio that approximates an odds ratio of a common outcome: its square root.

    References
    ----------
    VanderWeele 2017, Biometrics 73:746-752 (reader reaction), doi:10.1111/biom.12829.

    Examples
    --------
    >>> float(from_odds_ratio(4.0))
    2.0
    """
    return np.asarray(np.sqrt(np.asarray(odds_ratio, dtype=float)))


def from_hazard_ratio(hazard_ratio: npt.ArrayLike) -> FloatArray:
    """Return the risk ratio that approximates a hazard ratio of a common outcome.

    (1 - 0.5 ** sqrt(HR)) / (1 - 0.5 ** sqrt(1 / HR)).

    References
    ----------
    VanderWeele and Ding 2017, Ann Intern Med 167:268-274, doi:10.7326/M16-2607, table 2.

    Examples
    --------
    >>> float(from_hazard_ratio(1.0))
    1.0
    """
    root = np.sqrt(np.asarray(hazard_ratio, dtype=float))
    # expm1 keeps the digits of ratios near 0; an infinite ratio tends to an infinite one.
    with np.errstate(divide="ignore"):
        return np.asarray(np.expm1(-np.log(2) * root) / np.expm1(-np.log(2) / root))


def from_standardised_difference(d: npt.ArrayLike) -> FloatArray:
    """Return the risk ratio that approximates a standardised difference in means: exp(0.91 d).

    References
    ----------
    VanderWeele and Ding 2017, Ann Intern Med 167:268-274, doi:10.7326/M16-2607, table 2.
    """
    return np.exp(0.91 * np.asarray(d, dtype=float))


def e_value(risk_ratio: npt.ArrayLike) -> FloatArray:
    """Return the E-value of risk ratios.

    The least risk ratio that an unmeasured confounder must have both with treatment and with the
    outcome, given the measured ones, to explain the risk ratio away: RR + sqrt(RR (RR - 1)), of
    1 / RR where RR < 1.

    References
    ----------
    VanderWeele and Ding 2017, Ann Intern Med 167:268-274, doi:10.7326/M16-2607.

    Examples
    --------
    >>> float(e_value(3.9).round(2)), float(e_value(1 / 3.9).round(2))
    (7.26, 7.26)
    """
    ratio = np.asarray(risk_ratio, dtype=float)
    with np.errstate(divide="ignore"):
        away = np.where(ratio < 1, 1 / ratio, ratio)
    return np.asarray(away + np.sqrt(away) * np.sqrt(away - 1))


def ratio_bias(
    treated: npt.ArrayLike, reference: npt.ArrayLike, effect: npt.ArrayLike
) -> FloatArray:
    """Return by what factor an unmeasured binary cause moves a risk ratio.

    (p1 (g - 1) + 1) / (p0 (g - 1) + 1), with prevalences p1 and p0 and the risk ratio g of the
    cause on the outcome; divide the observed risk ratio by it.

    Parameters
    ----------
    treated, reference : array_like
        Prevalence of the cause in the two groups.
    effect : array_like
        Risk ratio of the cause on the outcome, the same in both groups.

    References
    ----------
    Bross 1966, J Chronic Dis 19:637-647, doi:10.1016/0021-9681(66)90062-2; Schlesselman 1978,
    Am J Epidemiol 108:3-8, doi:10.1093/oxfordjournals.aje.a112581.

    Examples
    --------
    >>> float(ratio_bias(0.5, 0.25, 3.0).round(4))  # (0.5 * 2 + 1) / (0.25 * 2 + 1)
    1.3333
    """
    p1, p0, excess = np.asarray(treated), np.asarray(reference), np.asarray(effect) - 1.0
    return (p1 * excess + 1) / (p0 * excess + 1)


def difference_bias(
    treated: npt.ArrayLike, reference: npt.ArrayLike, effect: npt.ArrayLike
) -> FloatArray:
    """Return by how much an unmeasured binary cause moves a difference: effect (p1 - p0).

    Parameters and references as `ratio_bias`; the effect is a difference in the outcome.
    """
    return np.asarray(np.asarray(effect) * (np.asarray(treated) - np.asarray(reference)))


def ratio_tipping_prevalence(
    ratio: float, reference: npt.ArrayLike, effect: npt.ArrayLike
) -> FloatArray:
    """Return the prevalence among the treated at which `ratio` is corrected to 1.

    Where `ratio_bias` equals the ratio, solved for p1; NaN where no prevalence does it.
    """
    p0, excess = np.asarray(reference, dtype=float), np.asarray(effect, dtype=float) - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        prevalence = (ratio * (p0 * excess + 1) - 1) / excess
    return np.where((prevalence >= 0) & (prevalence <= 1), prevalence, np.nan)


def difference_tipping_prevalence(
    difference: float, reference: npt.ArrayLike, effect: npt.ArrayLike
) -> FloatArray:
    """Return the prevalence among the treated at which a difference is corrected to 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        prevalence = np.asarray(reference, dtype=float) + difference / np.asarray(
            effect, dtype=float
        )
    return np.where((prevalence >= 0) & (prevalence <= 1), prevalence, np.nan)
