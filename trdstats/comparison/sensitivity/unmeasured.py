"""How an unmeasured binary cause would move an estimate, over a grid of what it might be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, RowLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray
from trdstats.comparison.indirect.effect import DIFFERENCES, Effect
from trdstats.comparison.indirect.effect_rows import read_effect
from trdstats.comparison.sensitivity.e_values import as_risk_ratio
from trdstats.errors import SpecError
from trdstats.kernels.weighting import bias_analysis as kernel
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_estimate, format_number

_PREVALENCES = tuple(np.linspace(0, 1, 41).round(3).tolist())
_RATIOS = tuple(np.linspace(1, 5, 41).round(3).tolist())
_SHOWN = 4  # effects whose tipping prevalence the summary lists


@dataclass(frozen=True, repr=False)
class UnmeasuredConfounder(SummaryMixin):
    """An estimate corrected for an unmeasured confounder, over a grid.

    Attributes
    ----------
    effect : Effect
        As seen.
    rare : bool or None
        Whether odds or hazard ratios were taken as those of a rare outcome.
    seen : tuple of float
        Estimate and limits on the scale of correction: risk ratios, or differences.
    prevalence_reference : float
        Share of the reference group that has the cause.
    prevalence_treated, effect_of_cause : tuple of float
        The grid.
    """

    effect: Effect
    rare: bool | None
    seen: tuple[float, float, float]
    prevalence_reference: float
    prevalence_treated: tuple[float, ...]
    effect_of_cause: tuple[float, ...]

    @property
    def is_ratio(self) -> bool:
        """Whether the correction divides, instead of subtracting."""
        return self.effect.is_ratio

    @property
    def scale(self) -> str:
        """What the corrected estimates are."""
        return "risk ratio" if self.is_ratio else self.effect.measure

    def tidy(self) -> pd.DataFrame:
        """Return one row a combination.

        Returns
        -------
        pandas.DataFrame
            prevalence_treated, prevalence_reference, effect (of the cause on the outcome: risk
            ratio, or difference), bias (factor, or difference), estimate, conf_low, conf_high
            (corrected), conf_level, conclusion: "holds", "interval includes no effect", "no
            effect or reversed"; "not shown" where the interval held no effect from the start.
        """
        treated, effect = (
            v.ravel() for v in np.meshgrid(self.prevalence_treated, self.effect_of_cause)
        )
        if self.is_ratio:
            bias = kernel.ratio_bias(treated, self.prevalence_reference, effect)
            corrected = [value / bias for value in self.seen]
        else:
            bias = kernel.difference_bias(treated, self.prevalence_reference, effect)
            corrected = [value - bias for value in self.seen]
        return pd.DataFrame(
            {
                "prevalence_treated": treated,
                "prevalence_reference": self.prevalence_reference,
                "effect": effect,
                "bias": bias,
                "estimate": corrected[0],
                "conf_low": corrected[1],
                "conf_high": corrected[2],
                "conf_level": self.effect.conf_level,
                "conclusion": self._conclusions(*corrected),
            }
        )

    def _conclusions(self, estimate: FloatArray, low: FloatArray, high: FloatArray) -> Any:
        null, seen = self.effect.null, self.seen
        if seen[1] <= null <= seen[2]:
            return np.full(len(estimate), "not shown", dtype=object)
        up = seen[0] > null
        left = estimate <= null if up else estimate >= null
        held = low > null if up else high < null
        words = np.where(left, "no effect or reversed", "interval includes no effect")
        return np.where(held, "holds", words).astype(object)

    def tipping(self) -> pd.DataFrame:
        """Return where the conclusion changes, one row an effect of the cause.

        Returns
        -------
        pandas.DataFrame
            effect, prevalence_reference, prevalence_treated_limit (at which the confidence limit
            meets no effect), prevalence_treated (at which the estimate does); NaN where no
            prevalence does it, or the interval held no effect from the start.
        """
        effect = np.asarray(self.effect_of_cause)
        find = (
            kernel.ratio_tipping_prevalence if self.is_ratio
            else kernel.difference_tipping_prevalence
        )  # fmt: skip
        null = self.effect.null
        shown = not self.seen[1] <= null <= self.seen[2]
        nearer = self.seen[1] if self.seen[0] > null else self.seen[2]
        limit = find(nearer if shown else np.nan, self.prevalence_reference, effect)
        return pd.DataFrame(
            {
                "effect": effect,
                "prevalence_reference": self.prevalence_reference,
                "prevalence_treated_limit": limit,
                "prevalence_treated": find(self.seen[0], self.prevalence_reference, effect),
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: the estimate as seen on the scale of correction, and how much holds.

        Returns
        -------
        pandas.DataFrame
            measure, estimate, conf_low, conf_high, prevalence_reference, holds (share of the grid
            on which the conclusion holds; NaN where there was none).
        """
        conclusion = self.tidy()["conclusion"]
        shown = (conclusion != "not shown").any()
        return pd.DataFrame(
            {
                "measure": [self.scale],
                "estimate": [self.seen[0]],
                "conf_low": [self.seen[1]],
                "conf_high": [self.seen[2]],
                "prevalence_reference": [self.prevalence_reference],
                "holds": [float((conclusion == "holds").mean()) if shown else np.nan],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw corrected estimates as contours, with the lines at which the conclusion changes."""
        cause = "risk ratio" if self.is_ratio else "difference"
        settings = {
            "null": self.effect.null,
            "limit": "conf_low" if self.seen[0] > self.effect.null else "conf_high",
            "xlabel": (
                f"Prevalence under {self.effect.treatment} "
                f"({100 * self.prevalence_reference:g} % under {self.effect.reference})"
            ),
            "ylabel": f"Effect of the cause on the outcome ({cause})",
            "title": f"{self.scale[0].upper()}{self.scale[1:]} after correction",
            **options,
        }
        return plots.plot_tipping_points(self.tidy(), ax=ax, **settings)

    def summary(self) -> Summary:
        """Return where the conclusion changes, for some effects of the cause."""
        table = self.tipping()
        step = max(1, (len(table) - 1) // _SHOWN)
        some = table.iloc[step::step] if len(table) > _SHOWN else table
        rows = tuple(
            (
                format_number(r.effect, 2),
                _percent(r.prevalence_treated_limit),
                _percent(r.prevalence_treated),
            )
            for r in each_row(some)
        )
        low, high = self.seen[1:]
        header = (
            f"Effect of the cause ({'risk ratio' if self.is_ratio else 'difference'})",
            "Interval includes no effect at",
            "Estimate gone at",
        )
        reference = f"{100 * self.prevalence_reference:g} % of {self.effect.reference}"
        notes = [
            f"Prevalences are of {self.effect.treatment}, with the cause in {reference}. "
            "'never': no prevalence does it."
        ]
        if low <= self.effect.null <= high:
            notes.append("The interval as seen holds no effect already.")
        notes.append(
            "The cause has the same effect in both groups and is independent of the measured "
            "covariates."
        )
        comparison = f"{self.effect.treatment} v {self.effect.reference}"
        seen = format_estimate(*self.seen, 2)
        return Summary(
            "Unmeasured binary confounder",
            (("Comparison", comparison), ("As seen", f"{self.scale} {seen}")),
            (Table(header, rows, 0),),
            tuple(notes),
        )


def _differences(known: Effect) -> tuple[float, ...]:
    """Return what a cause might do: 0 to 4 times the estimate; of risks no more than 1."""
    most = 4 * (known.estimate or max(known.conf_low, known.conf_high, key=abs))
    if known.measure == "risk difference":
        most = float(np.clip(most, -1, 1))
    return tuple(np.linspace(0, most, 41).tolist())


@checked
def unmeasured_confounder(
    effect: Effect | RowLike,
    *,
    prevalence_reference: float,
    prevalence_treated: Sequence[float] = _PREVALENCES,
    effect_of_cause: Sequence[float] | None = None,
    measure: str | None = None,
    rare: bool | None = None,
) -> UnmeasuredConfounder:
    """Correct an estimate for an unmeasured binary cause, over a grid of what it might be.

    A risk ratio is divided by (p1 (g - 1) + 1) / (p0 (g - 1) + 1); a difference loses g (p1 - p0).

    Parameters
    ----------
    effect : Effect or a tidy row
        The adjusted comparison, as `e_value` takes it; differences are accepted too.
    prevalence_reference : float
        Share of the reference group with the cause, p0, 0 to 1.
    prevalence_treated : sequence of float
        Shares of the treated, p1. Default: 0 to 1 by 0.025.
    effect_of_cause : sequence of float, optional
        What the cause does to the outcome, g: risk ratios (default 1 to 5 by 0.1), or
        differences in the unit of the estimate (default 0 to 4 times the estimate, or the farther
        limit of an estimate of 0; of risks, which are proportions, at most 1).
    measure : str, optional
        Measure of a row that does not name it.
    rare : bool, optional
        See `e_value`; odds and hazard ratios are corrected as the risk ratios they stand for.

    Returns
    -------
    UnmeasuredConfounder

    Raises
    ------
    SpecError
        When a prevalence lies outside 0 to 1, a risk ratio is not positive, a risk difference lies
        beyond 1, or `rare` is needed.

    References
    ----------
    Bross 1966, J Chronic Dis 19:637-647, doi:10.1016/0021-9681(66)90062-2; Schlesselman 1978,
    Am J Epidemiol 108:3-8, doi:10.1093/oxfordjournals.aje.a112581; Lin, Psaty and Kronmal 1998,
    Biometrics 54:948-963, doi:10.2307/2533848.

    Examples
    --------
    A risk ratio of 1.5, a cause in 25 % of the reference that triples the risk: at 62.5 % of the
    treated nothing is left, (0.625 * 2 + 1) / (0.25 * 2 + 1) = 1.5.

    >>> seen = Effect("risk ratio", "ECT", "TMS", 1.5, 1.2, 1.875)
    >>> found = unmeasured_confounder(seen, prevalence_reference=0.25, effect_of_cause=[3.0])
    >>> float(found.tipping()["prevalence_treated"].item())
    0.625
    """
    known = read_effect(effect, measure=measure)
    seen = (known.estimate, known.conf_low, known.conf_high)
    used = None
    if known.measure not in DIFFERENCES:
        used, seen = as_risk_ratio(known.measure, seen, rare)
    if effect_of_cause is None:
        effect_of_cause = _RATIOS if known.is_ratio else _differences(known)
    proportions = np.asarray([prevalence_reference, *prevalence_treated], dtype=float)
    grid = np.asarray(effect_of_cause, dtype=float)
    if not ((proportions >= 0) & (proportions <= 1)).all() or len(proportions) < 2:
        raise SpecError("Prevalences are shares between 0 and 1; give at least one of the treated.")
    if not len(grid) or not np.isfinite(grid).all() or (known.is_ratio and (grid <= 0).any()):
        kind = "positive risk ratios" if known.is_ratio else "differences"
        raise SpecError(f"effect_of_cause must hold {kind}; got {list(effect_of_cause)!r}.")
    if known.measure == "risk difference" and (np.abs(grid) > 1).any():
        raise SpecError(
            "effect_of_cause of a risk difference is a risk difference, at most 1; got "
            f"{np.abs(grid).max():g}. A risk ratio is none."
        )
    return UnmeasuredConfounder(
        known, used, seen, float(prevalence_reference), tuple(proportions[1:].tolist()),
        tuple(grid.tolist()),
    )  # fmt: skip


def _percent(proportion: float) -> str:
    return "never" if np.isnan(proportion) else f"{100 * proportion:.1f} %"
