"""Change beyond error, deterioration, and improvement as the clinician judged it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice, check_level
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.visits.endpoints import (
    ASSESSED,
    NO_BASELINE,
    RatedVisits,
    States,
    at_most,
    complement,
    states,
)
from trdstats.outcomes.rules.amounts import (
    Of,
    check_of,
    direction,
    is_usual,
    of_words,
    proportion_label,
    worsened_by,
    worsened_limit,
)
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.rules.given_numbers import check_amount, percent, read_proportion, read_total
from trdstats.outcomes.rules.score_limits import ScoreLimit
from trdstats.scales import SET_BY_ANALYST, Scale, Source

_GLOBAL = "CGII"


@checked
@dataclass(frozen=True, repr=False)
class CGIResponse(Definition):
    """Much or very much improved, as the clinician judged against baseline (CGI-I 1 or 2).

    Parameters
    ----------
    at_most : int, default 2
        Highest code that counts.

    Raises
    ------
    SpecError
        When `at_most` is no code from 1 to 3; later, when the scale is not the CGI-I.

    Examples
    --------
    >>> CGIResponse().label()
    'CGI-I response (≤ 2)'
    """

    at_most: int = 2

    def __post_init__(self) -> None:
        if not 1 <= read_total("at_most", self.at_most) <= 3:
            raise SpecError(f"at_most must be a code of improvement, 1 to 3; got {self.at_most!r}.")

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return "CGI-I response"

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        if scale.label != _GLOBAL:
            raise SpecError(
                f"CGIResponse reads the CGI-I and the study shows {scale.label}: "
                "use study.on('CGI-I')."
            )
        return at_most(visits, self.at_most)

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it; None on another scale than the CGI-I."""
        return (ScoreLimit(Fraction(self.at_most)),) if scale.label == _GLOBAL else None

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return f"CGI-I at most {self.at_most}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its code."""
        return f"{self.name} (≤ {self.at_most})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the manual."""
        return (Source("Guy 1976, ECDEU manual"),)


@checked
@dataclass(frozen=True, repr=False)
class Deterioration(Definition):
    """Worsening by a share of the baseline; on the CGI-I much or very much worse.

    Parameters
    ----------
    rise : float, default 0.25
        Share of the baseline above the floor by which the score rises; where high is good, by
        which it falls.
    at_least : int, default 6
        Code of the CGI-I.
    of : {"baseline", "distance"}, optional
        What it is a share of where high is good, as in `Response`.

    Raises
    ------
    SpecError
        When an argument is out of range; later, when high is good and `of` was not said.

    Examples
    --------
    >>> Deterioration().label()
    'deterioration (≥ 25 % rise)'
    """

    rise: float = 0.25
    at_least: int = 6
    of: Of | None = None

    def __post_init__(self) -> None:
        check_of(self.of)
        read_proportion("rise", self.rise)
        if not 5 <= read_total("at_least", self.at_least) <= 7:
            raise SpecError(f"at_least must be a code of worsening, 5 to 7; got {self.at_least!r}.")

    @property
    def is_worsening(self) -> bool:
        """It is a bad outcome."""
        return True

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        if scale.label == _GLOBAL:
            return complement(at_most(visits, self.at_least - 1))
        return worsened_by(visits, scale, self.rise, self.of, self.name)

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        if scale.label == _GLOBAL:
            return (ScoreLimit(Fraction(self.at_least - 1)),)
        return (worsened_limit(scale, self.rise, self.of, self.name),)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        if scale is not None and scale.label == _GLOBAL:
            return f"CGI-I at least {self.at_least}"
        least = f"{direction(scale, self.of, worse=True)} of at least {percent(self.rise)}"
        return f"{least} {of_words(scale, self.of, self.name)}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        if scale is not None and scale.label == _GLOBAL:
            return f"deterioration (CGI-I ≥ {self.at_least})"
        proportion = f"≥ {percent(self.rise)}"
        return (
            f"deterioration ({proportion_label(scale, proportion, self.of, self.name, worse=True)})"
        )

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return that the thresholds are a choice."""
        if (self.rise, self.at_least) == (0.25, 6) and is_usual(scale, self.of):
            return (Source("thresholds chosen by trdstats", certainty="M"),)
        return (SET_BY_ANALYST,)


@checked
@dataclass(frozen=True, repr=False)
class ReliableChange(Definition):
    """A change larger than the error of measurement explains.

    Parameters
    ----------
    sd : float
        Standard deviation of the score in the reference group, commonly at baseline.
    reliability : float
        Reliability of the scale there (test-retest or internal consistency).
    method : {"jacobson-truax", "edwards-nunnally"}
        "jacobson-truax": the change exceeds z times ``sd sqrt(2 (1 - r))``.
        "edwards-nunnally": the score leaves the interval around the estimated true baseline,
        ``mean + r (B - mean) ± z sd sqrt(1 - r)``, which allows for regression to the mean.
    mean : float, optional
        Mean of the reference group; needed by the second method.
    worse : bool, default False
        Look for a reliable change for the worse instead of one for the better.
    conf_level : float, default 0.95
        Level to which z belongs.

    Raises
    ------
    SpecError
        When an argument is out of range or missing.

    References
    ----------
    Jacobson and Truax 1991, doi:10.1037/0022-006X.59.1.12. Speer 1992,
    doi:10.1037/0022-006X.60.3.402 (the Edwards-Nunnally method).

    Examples
    --------
    With SD 6 and reliability 0.84 a fall of 7 points is reliable: 1.96 * 6 * sqrt(0.32) = 6.65.

    >>> round(ReliableChange(sd=6, reliability=0.84).least_change, 2)
    6.65
    """

    sd: float
    reliability: float
    method: Literal["jacobson-truax", "edwards-nunnally"] = "jacobson-truax"
    mean: float | None = None
    worse: bool = False
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_choice("method", self.method, ("jacobson-truax", "edwards-nunnally"))
        check_level(self.conf_level)
        if not self.sd > 0:
            raise SpecError(f"sd must be positive; got {self.sd!r}.")
        if not 0 < self.reliability < 1:
            raise SpecError(f"reliability must lie between 0 and 1; got {self.reliability!r}.")
        if (self.mean is None) == (self.method == "edwards-nunnally"):
            raise SpecError(
                "mean belongs to method='edwards-nunnally', which needs the mean of the reference "
                "group."
            )

    @property
    def is_worsening(self) -> bool:
        """Whether it is change for the worse."""
        return self.worse

    @property
    def least_change(self) -> float:
        """Change, in points, beyond which it is reliable (around the estimated true baseline)."""
        both = 2 if self.method == "jacobson-truax" else 1
        z = critical_value(self.conf_level)
        return float(z * self.sd * np.sqrt(both * (1 - self.reliability)))

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        check_amount(scale, self.name)
        base = visits.baseline
        start = base
        if self.mean is not None:
            mean = scale.oriented(self.mean)
            start = mean + self.reliability * (base - mean)
        fall = visits.spread(start) - visits.score
        with np.errstate(invalid="ignore"):
            met = (-fall if self.worse else fall) > self.least_change
        reason = np.where(np.isnan(base), NO_BASELINE, ASSESSED).astype(np.uint8)
        return states(met, np.repeat(reason, np.diff(visits.start)))

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return "reliable worsening" if self.worse else "reliable improvement"

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        check_amount(scale, self.name)
        by = self.least_change if self.worse else -self.least_change
        if self.mean is None:
            return (ScoreLimit(by, Fraction(1), closed=self.worse),)
        towards_mean = (1 - self.reliability) * float(scale.oriented(self.mean))
        return (ScoreLimit(towards_mean + by, self.reliability, closed=self.worse),)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        what = direction(scale, None, worse=self.worse)
        by = f"SD {self.sd:g}, reliability {self.reliability:g}, {100 * self.conf_level:g} %"
        if self.mean is None:
            return f"{what} of more than {self.least_change:.2f} points ({by})"
        return (
            f"{what} of more than {self.least_change:.2f} points from the estimated true baseline "
            f"({by}, mean {self.mean:g})"
        )

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with the least change."""
        return f"{self.name} (> {self.least_change:.1f} points)"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the source of the method."""
        if self.method == "jacobson-truax":
            citation = "Jacobson and Truax 1991, J Consult Clin Psychol 59:12-19"
            return (Source(citation, "10.1037/0022-006X.59.1.12", "V2"),)
        citation = "Speer 1992, J Consult Clin Psychol 60:402-408"
        return (Source(citation, "10.1037/0022-006X.60.3.402", "V2"),)
