"""Generalised linear mixed models for an outcome that is rated repeatedly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import EstimateWarning, SpecError, check_choice, warn
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_formula
from trdstats.kernels.glmm.conditional import Link
from trdstats.longitudinal.designs.rated_outcome import read_rated_outcome
from trdstats.longitudinal.glmm.effects import random_columns, random_effects, read_random
from trdstats.longitudinal.glmm.fitted import fit_rated_outcome
from trdstats.longitudinal.glmm.glmm_result import GLMMResult
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

LINK_NAMES: dict[str, tuple[Link, ...]] = {
    "binomial": ("logit", "probit"),
    "ordinal": ("logit",),
    "poisson": ("log",),
}
_MOST_POINTS = 100


@checked
@dataclass(frozen=True, repr=False)
class GLMM(SummaryMixin):
    """Generalised linear mixed model: effects for a subject, given its random effects.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, e.g. ``"response ~ treatment * visit + baseline"``.
    family : {"binomial", "ordinal", "poisson"}
        "binomial": an event, 0 and 1 or True and False. "ordinal": ordered categories
        (cumulative logit), of which positive effects make higher ones more likely. "poisson":
        counts.
    link : {"logit", "probit", "log"}, optional
        Default: "logit" for "binomial" and "ordinal", "log" for "poisson". A binary outcome has
        no log link here: normal random effects would give probabilities above 1. Ratios of
        probabilities come from `margins`.
    random : str, default "1"
        Random effects of a subject: ``"1"`` an intercept, ``"1 + day"`` an intercept and a slope.
    correlated : bool, default True
        Whether the intercept and the slope may correlate.
    points : int, default 25
        Points of the adaptive Gauss-Hermite quadrature, for each random effect. 1 is Laplace's
        approximation: fast, and inexact where subjects have few binary ratings.
    vcov : {"model", "robust"}
        Covariance of the estimates: the inverse observed information, or the sandwich of the
        subjects' scores.

    Raises
    ------
    SpecError
        When the arguments do not fit each other.

    Notes
    -----
    An odds ratio of a GLMM compares a subject with itself under another treatment. It is farther
    from 1 than that of the population, which `GEE` estimates and `margins` gives by integrating
    over the random effects. Estimates are valid if ratings are missing at random given the ratings
    before and the covariates, and random effects are normal.

    References
    ----------
    Breslow and Clayton 1993, doi:10.1080/01621459.1993.10594284. Pinheiro and Bates 1995,
    doi:10.1080/10618600.1995.10474663. Hedeker and Gibbons 1994, doi:10.2307/2533433 (ordinal).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> fit = trd.GLMM("response ~ treatment * visit + baseline").fit(
    ...     study, outcome=trd.Response(), days=[14, 21, 28])
    >>> risks = fit.margins("treatment", by="visit")
    >>> risks.contrasts(reference="TMS", measure="difference").tidy().shape[0]
    6
    """

    formula: str
    family: Literal["binomial", "ordinal", "poisson"] = "binomial"
    link: Literal["logit", "probit", "log"] | None = None
    random: str = "1"
    correlated: bool = True
    points: int = 25
    vcov: Literal["model", "robust"] = "model"

    def __post_init__(self) -> None:
        parsed = read_formula(self.formula)
        check_choice("family", self.family, tuple(LINK_NAMES))
        check_choice("vcov", self.vcov, ("model", "robust"))
        read_random(self.random)
        if not 1 <= self.points <= _MOST_POINTS:
            raise SpecError(
                f"points must be between 1 (Laplace) and {_MOST_POINTS}; got {self.points}."
            )
        if self.link is not None and self.link not in LINK_NAMES[self.family]:
            why = ""
            if self.link == "log" and self.family == "binomial":
                why = (
                    " With normal random effects a log link gives probabilities above 1; for risk "
                    "ratios use margins(...).contrasts(measure='ratio')."
                )
            raise SpecError(
                f"family={self.family!r} takes link="
                f"{' or '.join(map(repr, LINK_NAMES[self.family]))}; got {self.link!r}.{why}"
            )
        if self.family == "ordinal" and "1" not in {str(t) for t in parsed.rhs}:
            raise SpecError(
                f"The formula {self.formula!r} leaves the intercept out: the thresholds of an "
                "ordinal model stand in its place. Leave '0 +' or '- 1' away."
            )

    @property
    def link_name(self) -> Link:
        """The link, the usual one of the family by default."""
        return self.link or LINK_NAMES[self.family][0]

    @one_thread
    def fit(
        self,
        data: Study | FrameLike,
        *,
        subject: str = "subject",
        visit: str = "visit",
        outcome: Definition | None = None,
        days: Sequence[float] | None = None,
        weights: WeightsLike | None = None,
    ) -> GLMMResult:
        """Fit the model by maximum likelihood.

        Parameters
        ----------
        data : Study or DataFrame
            One row a subject and visit. Of a study the scheduled visits after baseline.
        subject, visit : str
            Columns.
        outcome : Definition, optional
            Its state at every visit of a study is the outcome, under the name that the formula has
            on its left, e.g. ``trd.Response()``.
        days : sequence of float, optional
            Scheduled days of a study to analyse. Default: all.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, as in `MMRM.fit`: each multiplies the log-likelihood of its
            subject. The covariance is then robust, whatever `vcov` is, and includes the
            estimation of the weights when given the result; likelihood ratios are NaN.

        Raises
        ------
        DataError, SpecError
            When the table, the outcome or the formula is not usable.
        NotEstimableError
            When the likelihood has no maximum; the message says why.

        Warns
        -----
        EstimateWarning
            When columns of the design are collinear (aliased) with others, or predict the outcome
            without error (separation): they are named, and what depends on them is NaN.
        """
        effects = read_random(self.random)
        design = read_rated_outcome(
            data, read_formula(self.formula), family=self.family, subject=subject, visit=visit,
            outcome=outcome, days=days, weights=weights, keep=random_columns(effects),
        )  # fmt: skip
        drawn = random_effects(design, effects, self.random)
        fitted = fit_rated_outcome(
            design, drawn, self.link_name, points=self.points, correlated=self.correlated
        )
        result = GLMMResult(spec=self, design=design, effects=drawn, fitted=fitted)
        for text in result.cautions():
            warn(text, EstimateWarning)
        return result

    def summary(self) -> Summary:
        """Return the model in words."""
        points = "1 (Laplace)" if self.points == 1 else f"{self.points} a random effect"
        return Summary(
            "Generalised linear mixed model",
            (
                ("Formula", self.formula),
                ("Family", f"{self.family}, {self.link_name} link"),
                (
                    "Random effects",
                    self.random + ("" if self.correlated else ", uncorrelated"),
                ),
                ("Quadrature points", points),
                (
                    "Covariance of estimates",
                    {"model": "inverse observed information", "robust": "robust (sandwich)"}[
                        self.vcov
                    ],
                ),
            ),
        )
