"""E-values: how strong an unmeasured confounder must be to explain an estimate away."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
import pandas as pd

from trdstats.aliases import RowLike
from trdstats.arguments import checked
from trdstats.comparison.indirect.effect_rows import read_effect
from trdstats.errors import SpecError, check_choice, check_level
from trdstats.kernels.weighting import bias_analysis as kernel
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_estimate,
    format_level,
    format_number,
)

MEASURES = ("risk ratio", "hazard ratio", "odds ratio", "difference in means")
_NAMED = {"difference in means": "standardised mean difference", "ratio": "risk ratio"}
_WITHOUT = ("risk difference", "mean difference", "difference")
_NEED_RARE = ("odds ratio", "hazard ratio")


@dataclass(frozen=True, repr=False)
class EValue(SummaryMixin):
    """E-value of an estimate and of its confidence limit.

    Attributes
    ----------
    measure, treatment, reference : str
        What is compared; the treatments are empty for a bare number.
    seen : tuple of float
        Estimate and limits; NaN for limits that are not known.
    conf_level : float
    rare : bool or None
        Whether the outcome was taken as rare; None where that does not matter.
    risk_ratio : tuple of float
        Estimate and limits on the scale of risk ratios.
    """

    measure: str
    treatment: str
    reference: str
    seen: tuple[float, float, float]
    conf_level: float
    rare: bool | None
    risk_ratio: tuple[float, float, float]

    @property
    def estimate(self) -> float:
        """E-value of the estimate."""
        return float(kernel.e_value(self.risk_ratio[0]))

    @property
    def limit(self) -> float:
        """E-value of the limit nearer to no effect; 1 when the interval holds it.

        NaN without an interval.
        """
        ratio, low, high = self.risk_ratio
        if isnan(low) or isnan(high):
            return nan
        nearer = low if ratio > 1 else high
        return float(kernel.e_value(nearer)) if (nearer - 1) * (ratio - 1) > 0 else 1.0

    def tidy(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            measure, treatment, reference, estimate, conf_low, conf_high, conf_level, risk_ratio,
            risk_ratio_low, risk_ratio_high, e_value, e_value_limit.
        """
        seen = ("estimate", "conf_low", "conf_high")
        ratio = ("risk_ratio", "risk_ratio_low", "risk_ratio_high")
        return pd.DataFrame(
            [
                {
                    "measure": self.measure,
                    "treatment": self.treatment,
                    "reference": self.reference,
                    **dict(zip(seen, self.seen, strict=True)),
                    "conf_level": self.conf_level,
                    **dict(zip(ratio, self.risk_ratio, strict=True)),
                    "e_value": self.estimate,
                    "e_value_limit": self.limit,
                }
            ]
        )

    def summary(self) -> Summary:
        """Return the two E-values with a sentence that says what they mean."""
        row = next(each_row(self.tidy()))
        shown = format_estimate(row.estimate, row.conf_low, row.conf_high, 2)
        ratio = format_estimate(row.risk_ratio, row.risk_ratio_low, row.risk_ratio_high, 2)
        cells = (
            row.measure, shown, ratio, format_number(row.e_value, 2),
            format_number(row.e_value_limit, 2),
        )  # fmt: skip
        level = f"{format_level(row.conf_level)} CI"
        header = ("Measure", f"Estimate ({level})", "As risk ratio", "E-value", "Of the limit")
        words = "The estimate is no effect: there is nothing to explain away."
        if row.e_value > 1:
            words = (
                "An unmeasured confounder associated with both treatment and outcome by risk "
                f"ratios of {format_number(row.e_value, 2)} each, beyond the measured covariates, "
                "could explain the estimate away; a weaker one could not."
            )
        if row.e_value_limit == 1:
            words += " The interval holds no effect already."
        elif not isnan(row.e_value_limit):
            words += (
                f" Ratios of {format_number(row.e_value_limit, 2)} could move the interval to "
                "include no effect."
            )
        lines = [("Comparison", f"{row.treatment} v {row.reference}")] if row.treatment else []
        if self.rare is not None:
            lines.append(("Outcome", "rare" if self.rare else "common"))
        return Summary("E-value", tuple(lines), (Table(header, (cells,)),), (words,))


@checked
def e_value(
    estimate: float | RowLike,
    conf_low: float = nan,
    conf_high: float = nan,
    *,
    measure: str | None = None,
    rare: bool | None = None,
    conf_level: float = 0.95,
) -> EValue:
    """Return how strong an unmeasured confounder must be to explain an estimate away.

    Parameters
    ----------
    estimate : float, or a tidy row
        The estimate, plain (a ratio, not its logarithm). Or an `Effect`, or a row of a tidy result
        such as that of `rates` (measure "ratio" or "odds ratio") or `CoxPH`; limits and measure
        then come from it.
    conf_low, conf_high : float, optional
        Limits of the estimate.
    measure : {"risk ratio", "hazard ratio", "odds ratio", "difference in means"}
        "difference in means" is standardised: in standard deviations of the outcome.
    rare : bool, optional
        Whether the outcome is rare, under 15 % by the end of follow-up. Needed for odds and
        hazard ratios: of a rare outcome they are risk ratios, of a common one they stand for
        sqrt(OR) and for (1 - 0.5 ** sqrt(HR)) / (1 - 0.5 ** sqrt(1 / HR)).
    conf_level : float
        Level of the limits, in the result; that of a row comes from the row.

    Returns
    -------
    EValue

    Raises
    ------
    SpecError
        When the measure has no E-value, `rare` is needed and not given, or numbers cannot be such
        an estimate with its limits.

    References
    ----------
    VanderWeele and Ding 2017, Ann Intern Med 167:268-274, doi:10.7326/M16-2607. A standardised
    difference d stands for the risk ratio exp(0.91 d) (Chinn 2000,
    doi:10.1002/1097-0258(20001130)19:22<3127::AID-SIM784>3.0.CO;2-M).

    Examples
    --------
    >>> found = e_value(3.9, 1.8, 8.7, measure="risk ratio")
    >>> round(found.estimate, 2), round(found.limit, 2)
    (7.26, 3.0)
    """
    if measure in (*_WITHOUT, *_NAMED.values()) and measure not in MEASURES:
        raise _no_risk_ratio(measure)
    if measure is not None:
        check_choice("measure", measure, MEASURES)
    check_level(conf_level)
    if isinstance(estimate, int | float | np.number):
        if measure is None:
            raise SpecError(f"Say what {estimate:g} is: measure= one of {', '.join(MEASURES)}.")
        seen = (float(estimate), float(conf_low), float(conf_high))
        _check_numbers(measure, *seen)
        name, labels = _NAMED.get(measure, measure), ("", "")
    else:
        effect = read_effect(estimate, measure=_NAMED.get(measure, measure) if measure else None)
        seen = (effect.estimate, effect.conf_low, effect.conf_high)
        name, labels, conf_level = (
            effect.measure, (effect.treatment, effect.reference), effect.conf_level
        )  # fmt: skip
    return EValue(name, *labels, seen, conf_level, *as_risk_ratio(name, seen, rare))


def _check_numbers(measure: str, estimate: float, low: float, high: float) -> None:
    if isnan(estimate) or (measure != "difference in means" and not estimate > 0):
        raise SpecError(f"The {measure} is a positive number, not its logarithm; got {estimate:g}.")
    if measure != "difference in means" and low < 0:
        raise SpecError(f"The {measure} has no negative limit, as its logarithm may; got {low:g}.")
    if isnan(low) != isnan(high):
        raise SpecError("Give both confidence limits, or neither.")
    if low > estimate or high < estimate:
        raise SpecError(
            f"The limits {low:g} and {high:g} do not enclose the estimate {estimate:g}."
        )


def as_risk_ratio(
    measure: str, seen: tuple[float, float, float], rare: bool | None
) -> tuple[bool | None, tuple[float, float, float]]:
    """Return whether the outcome counts as rare, and estimate and limits as risk ratios.

    Raises
    ------
    SpecError
        When the measure does not stand for a risk ratio, or `rare` is needed and not given.
    """
    if measure in _NEED_RARE and rare is None:
        raise SpecError(
            f"What risk ratio the {measure} stands for depends on how common the outcome is: say "
            "rare=True (under 15 % by the end of follow-up) or rare=False."
        )
    values = np.array(seen)
    if measure == "standardised mean difference":
        values = kernel.from_standardised_difference(values)
    elif measure == "odds ratio" and not rare:
        values = kernel.from_odds_ratio(values)
    elif measure == "hazard ratio" and not rare:
        values = kernel.from_hazard_ratio(values)
    elif measure not in ("risk ratio", *_NEED_RARE):
        raise _no_risk_ratio(measure)
    used = rare if measure in _NEED_RARE else None
    return used, (float(values[0]), float(values[1]), float(values[2]))


def _no_risk_ratio(measure: str) -> SpecError:
    if measure == "standardised mean difference":
        return SpecError("A standardised mean difference is measure='difference in means' here.")
    return SpecError(
        f"A {measure} does not stand for a risk ratio. Take the risk ratio of the same "
        "comparison, or divide a difference in means and its limits by the standard deviation "
        "of the outcome and say measure='difference in means'."
    )
