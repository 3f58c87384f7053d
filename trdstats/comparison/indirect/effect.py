"""One comparison of two treatments, as it is known: from a tidy row, a publication or counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, isfinite, isnan, log, nan

from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError, check_choice, check_level
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.proportions.two_proportions import odds_ratio, risk_difference, risk_ratio
from trdstats.tables import format_estimate

DIFFERENCES = ("difference", "risk difference", "mean difference", "standardised mean difference")
RATIOS = ("ratio", "risk ratio", "odds ratio", "hazard ratio")
MEASURES = (*DIFFERENCES, *RATIOS)
COUNT_MEASURES = ("risk difference", "risk ratio", "odds ratio")

_OF_COUNTS = {
    "risk difference": risk_difference,
    "risk ratio": risk_ratio,
    "odds ratio": odds_ratio,
}
# Share of the width by which the middle of limits may miss a difference: more than rounding does.
_LOPSIDED = 0.15
# So many times another standard error is no rounding.
_OFF = 1.5

CONTEXT = ("outcome", "scale", "definition", "time", "denominator")


@checked
@dataclass(frozen=True)
class Effect:
    """A treatment against another: an estimate with its uncertainty.

    Parameters
    ----------
    measure : str
        "difference", "risk difference", "mean difference", "standardised mean difference",
        "ratio", "risk ratio", "odds ratio" or "hazard ratio".
    treatment, reference : str
        The estimate is treatment minus, or over, reference.
    estimate : float
        Plain, not the logarithm.
    conf_low, conf_high : float, optional
        Confidence limits.
    std_error : float, optional
        Of the logarithm for ratios. Default: from the limits, taken as symmetric on the scale
        of analysis. Without limits they come from it.
    conf_level : float, default 0.95
    trial : str
        Where the estimate comes from.
    context : mapping of str to str
        What it is about, such as outcome, scale, definition, time, denominator. Two effects whose
        contexts differ are listed in notes.

    Raises
    ------
    SpecError
        When the measure is not known, a ratio is not positive, a risk difference is in percentage
        points, the limits do not enclose the estimate, or neither limits nor a standard error are
        given.

    Examples
    --------
    >>> Effect("odds ratio", "esketamine", "quetiapine XR", 1.733, 1.199, 2.505, trial="ESCAPE-TRD")
    Effect: esketamine v quetiapine XR, odds ratio 1.73 (1.20 to 2.50), ESCAPE-TRD
    """

    measure: str
    treatment: str
    reference: str
    estimate: float
    conf_low: float = nan
    conf_high: float = nan
    std_error: float = nan
    conf_level: float = 0.95
    trial: str = ""
    context: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("measure", self.measure, MEASURES)
        check_level(self.conf_level)
        name = f"The {self.measure} {self.treatment} v {self.reference}"
        if not isfinite(self.estimate) or (self.is_ratio and self.estimate <= 0):
            kind = "a positive number" if self.is_ratio else "a number"
            raise SpecError(f"{name} must be {kind}; got {self.estimate!r}.")
        if self.measure == "risk difference" and abs(self.estimate) > 1:
            raise SpecError(
                f"A risk difference lies between -1 and 1; that of {self.treatment} v "
                f"{self.reference} is {self.estimate:g}. Give it as a proportion (14.2 percentage "
                "points are 0.142), with its limits and std_error."
            )
        limits = not (isnan(self.conf_low) or isnan(self.conf_high))
        if limits and not self.conf_low <= self.estimate <= self.conf_high:
            raise SpecError(
                f"{name} has limits {self.conf_low:g} and {self.conf_high:g} that do not enclose "
                f"its estimate {self.estimate:g}. Give both on the plain scale, not as logarithms."
            )
        if limits and self.is_ratio and self.conf_low < 0:
            raise SpecError(f"{name} has a negative limit; got {self.conf_low:g}.")
        if not limits and not self.std_error > 0:
            raise SpecError(f"{name} needs both confidence limits or a positive std_error.")
        if not limits:
            low, high = self.limits(self.conf_level)
            object.__setattr__(self, "conf_low", low)
            object.__setattr__(self, "conf_high", high)

    @classmethod
    def from_counts(
        cls,
        treatment: str,
        events: int,
        n: int,
        reference: str,
        reference_events: int,
        reference_n: int,
        *,
        measure: str = "odds ratio",
        conf_level: float = 0.95,
        trial: str = "",
        context: Mapping[str, str] | None = None,
    ) -> Effect:
        """Return the effect two counts stand for, with the limits of Wald, Katz or Woolf.

        Raises
        ------
        NotEstimableError
            When an empty cell leaves a ratio without a standard error.

        Examples
        --------
        >>> Effect.from_counts("ketamine", 108, 195, "ECT", 70, 170, trial="ELEKT-D")
        Effect: ketamine v ECT, odds ratio 1.77 (1.17 to 2.69), ELEKT-D
        """
        check_choice("measure", measure, COUNT_MEASURES)
        contrast = _OF_COUNTS[measure](
            events, n, reference_events, reference_n, method="wald", conf_level=conf_level
        )
        if not contrast.std_error > 0:
            raise NotEstimableError(
                f"The {measure} of {events}/{n} and {reference_events}/{reference_n} has no "
                "standard error: a cell is empty. "
                + ("Add" if measure == "risk difference" else "Choose the risk difference, or add")
                + " 1/2 to each cell and say so."
            )
        return cls(
            measure, treatment, reference, contrast.estimate, contrast.low, contrast.high,
            contrast.std_error, conf_level, trial, dict(context or {}),
        )  # fmt: skip

    @classmethod
    def on_scale(
        cls, measure: str, treatment: str, reference: str, value: float, error: float,
        *, trial: str = "", context: Mapping[str, str] | None = None,
    ) -> Effect:  # fmt: skip
        """Return the effect with a value and standard error on the scale of analysis."""
        estimate = exp(value) if measure in RATIOS else value
        return cls(
            measure, treatment, reference, estimate, std_error=error, trial=trial,
            context=dict(context or {}),
        )  # fmt: skip

    @property
    def is_ratio(self) -> bool:
        """Whether analysis runs on the log scale."""
        return self.measure in RATIOS

    @property
    def null(self) -> float:
        """Value of no effect: 1 or 0."""
        return 1.0 if self.is_ratio else 0.0

    @property
    def value(self) -> float:
        """Estimate on the scale of analysis: the logarithm of a ratio."""
        return log(self.estimate) if self.is_ratio else self.estimate

    @property
    def error(self) -> float:
        """Standard error on the scale of analysis; that of the limits when none was given.

        Raises
        ------
        NotEstimableError
            When it must come from limits that tell none: 0 or infinite ones of a ratio, or limits
            that lie unevenly about the estimate (of a ratio, on the log scale).
        """
        if self.std_error > 0:
            return self.std_error
        low, high = self._limits_of_value()
        if not isfinite(high - low):
            raise NotEstimableError(
                f"{self!r} has a limit of 0 or infinity: give its std_error"
                + (" (log scale)." if self.is_ratio else ".")
            )
        if abs((low + high) / 2 - self.value) > _LOPSIDED * (high - low):
            raise NotEstimableError(
                f"{self!r} has no std_error, and its limits lie unevenly about the estimate"
                + (
                    " on the log scale, on which ratios are analysed. They may be rounded, mistyped"
                    " or made on another scale"
                    if self.is_ratio
                    else ", as score limits do where no subject or every subject of an arm had the "
                    "outcome"
                )
                + ": they imply none. Give the std_error, or the counts (meta_analysis takes a "
                "frame of them)."
            )
        return self._error_of_limits()

    def _limits_of_value(self) -> tuple[float, float]:
        """Return the limits on the scale of analysis."""
        if not self.is_ratio:
            return self.conf_low, self.conf_high
        return (log(self.conf_low) if self.conf_low else -inf), log(self.conf_high)

    def _error_of_limits(self) -> float:
        low, high = self._limits_of_value()
        return float((high - low) / (2 * critical_value(self.conf_level)))

    def limits(self, conf_level: float) -> tuple[float, float]:
        """Return confidence limits from the standard error, on the plain scale."""
        half = critical_value(conf_level) * self.error
        low, high = self.value - half, self.value + half
        return (exp(low), exp(high)) if self.is_ratio else (low, high)

    def reversed(self) -> Effect:
        """Return the effect of the reference against the treatment."""

        def turn(x: float) -> float:
            if not self.is_ratio:
                return -x
            return 1 / x if x else inf

        return replace(
            self,
            treatment=self.reference,
            reference=self.treatment,
            estimate=turn(self.estimate),
            conf_low=turn(self.conf_high),
            conf_high=turn(self.conf_low),
        )

    def describe(self) -> str:
        """Return measure, estimate and limits in words."""
        digits = 2 if self.is_ratio or abs(self.estimate) < 1 else 1
        shown = format_estimate(self.estimate, self.conf_low, self.conf_high, digits)
        return f"{self.measure} {shown}"

    def __repr__(self) -> str:
        where = f", {self.trial}" if self.trial else ""
        return f"Effect: {self.treatment} v {self.reference}, {self.describe()}{where}"


def check_agreement(effect: Effect) -> None:
    """Raise `SpecError` where limits and standard error cannot both be those of an estimate.

    A standard error of the ratio in place of its logarithm, a variance, or another level. Or where
    a treatment is compared with itself.
    """
    if effect.treatment == effect.reference:
        raise SpecError(f"{effect!r} compares a treatment with itself: name the two.")
    if not effect.std_error > 0:
        return
    implied = effect._error_of_limits()
    if not isfinite(implied) or implied <= 0:
        return
    if not 1 / _OFF < implied / effect.std_error < _OFF:
        of_log = " Of a ratio it is that of the logarithm." if effect.is_ratio else ""
        raise SpecError(
            f"{effect!r} has limits ({100 * effect.conf_level:g} %) that stand for a standard "
            f"error of {implied:.3g}, and a std_error of {effect.std_error:.3g}.{of_log} Give the "
            "one that is right; a variance is its square."
        )


def differing_context(effects: Sequence[Effect]) -> list[str]:
    """Return a note on what effects say differently of themselves; none when they agree."""
    stated = []
    for key in dict.fromkeys(k for e in effects for k in e.context):
        values = list(dict.fromkeys(e.context[key] for e in effects if e.context.get(key)))
        if len(values) > 1:
            stated.append(f"{key} ({'; '.join(values)})")
    if not stated:
        return []
    return [f"The trials differ in {', '.join(stated)}: what separates them may be that."]
