"""Generalised estimating equations for an outcome that is rated repeatedly."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import (
    DataError,
    NotEstimableError,
    SpecError,
    TooLargeError,
    UnknownNameError,
    check_choice,
    warn,
)
from trdstats.estimates.weights import WeightsLike
from trdstats.formulas import read_formula
from trdstats.kernels.gee.degrees import RULES, Kind
from trdstats.kernels.gee.sandwich import GEEInference, infer
from trdstats.longitudinal.designs.outcome_values import FAMILIES
from trdstats.longitudinal.designs.rated_outcome import RatedDesign, read_rated_outcome
from trdstats.longitudinal.gee.divided_levels import SUBJECT, VISIT, Reading
from trdstats.longitudinal.gee.divided_outcome import RowsNeededError
from trdstats.longitudinal.gee.divided_reading import read_divided_outcome
from trdstats.longitudinal.gee.dropout_result import DropoutWeightsResult
from trdstats.longitudinal.gee.dropout_share import VisitWeights, with_dropout
from trdstats.longitudinal.gee.equations import Equations, in_rows, solve_equations
from trdstats.longitudinal.gee.gee_result import GEEResult
from trdstats.longitudinal.gee.on_columns import on_columns
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import DividedStudy, Study
from trdstats.tables import Summary, SummaryMixin
from trdstats.threads import one_thread

LINK_NAMES: dict[str, tuple[str, ...]] = {
    "binomial": ("logit", "probit", "log", "identity"),
    "ordinal": ("logit",),
    "poisson": ("log", "identity"),
    "gaussian": ("identity", "log"),
}
CORRELATIONS = {
    "independence": "independence",
    "exchangeable": "exchangeable: one correlation for all pairs of ratings",
    "ar1": "AR(1): a power of the number of visits between two ratings",
    "ar1-days": "AR(1) on actual days: a power of the days between two ratings",
    "unstructured": "unstructured: one correlation a pair of visits",
}
VCOV = {
    "robust": "robust (sandwich)",
    "model": "that of the working model, valid only if the working correlation is right",
    "mancl-derouen": "robust, corrected for small samples (Mancl and DeRouen)",
    "kauermann-carroll": "robust, corrected for small samples (Kauermann and Carroll)",
    "fay-graubard": "robust, corrected for small samples (Fay and Graubard)",
}


@checked
@dataclass(frozen=True, repr=False)
class GEE(SummaryMixin):
    """Generalised estimating equations: effects on the average of the population at each visit.

    Parameters
    ----------
    formula : str
        Outcome and effects, e.g. ``"response ~ treatment * visit + baseline"``.
    family : {"binomial", "ordinal", "poisson", "gaussian"}
        "binomial": an event, 0 and 1 or True and False. "ordinal": ordered categories, of which
        positive effects make higher ones more likely. "poisson": counts; for an event with
        ``link="log"`` it gives risk ratios without the bound of 1. "gaussian": measurements; for
        an event it gives risk differences.
    link : {"logit", "probit", "log", "identity"}, optional
        "logit" gives odds ratios, "log" risk ratios, "identity" differences. Default: "logit" for
        "binomial" and "ordinal", "log" for "poisson", "identity" for "gaussian".
    corr : {"exchangeable", "independence", "ar1", "ar1-days", "unstructured"}
        Working correlation of the ratings of a subject. "ar1" counts planned visits, "ar1-days"
        the days of `time`, or those that the visits name. "unstructured" takes each pair of visits
        from the subjects who have both.
    vcov : {"robust", "model", "mancl-derouen", "kauermann-carroll", "fay-graubard"}
        Covariance of the effects. The last three are robust and corrected for small samples: use
        one of them below about 50 subjects.
    ddf : {"residual", "satterthwaite", "fay-graubard", "pan-wall", "normal"}
        Degrees of freedom of t tests: subjects less coefficients; Bell and McCaffrey's, under the
        working model; Fay and Graubard's; Pan and Wall's; or none, as R's geepack.
    rating_weights : str, optional
        Column of weights of the ratings; the variance of a rating is divided by its weight.
    time : str, optional
        Column with the actual day of each rating, for "ar1-days".

    Raises
    ------
    SpecError
        When the arguments do not fit each other.

    Notes
    -----
    Estimates are consistent whatever the working correlation if ratings are missing completely
    at random, or at random given the covariates of the formula; `DropoutWeights` weaken that.

    References
    ----------
    Liang and Zeger 1986, doi:10.1093/biomet/73.1.13. Zou and Donner 2013,
    doi:10.1177/0962280211427759 (risk ratios). Lipsitz, Kim and Zhao 1994,
    doi:10.1002/sim.4780131106 (ordered categories).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> fit = trd.GEE("response ~ treatment * visit + baseline").fit(
    ...     study, outcome=trd.Response(), days=[7, 14, 21, 28])
    >>> risks = fit.margins("treatment", by="visit")
    >>> risks.contrasts(reference="TMS", measure="difference").tidy().shape[0]
    8
    """

    formula: str
    family: Literal["binomial", "ordinal", "poisson", "gaussian"] = "binomial"
    link: Literal["logit", "probit", "log", "identity"] | None = None
    corr: Literal["exchangeable", "independence", "ar1", "ar1-days", "unstructured"] = (
        "exchangeable"
    )
    vcov: Literal["robust", "model", "mancl-derouen", "kauermann-carroll", "fay-graubard"] = (
        "robust"
    )
    ddf: Literal["residual", "satterthwaite", "fay-graubard", "pan-wall", "normal"] = "residual"
    rating_weights: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        parsed = read_formula(self.formula)
        check_choice("family", self.family, FAMILIES)
        check_choice("corr", self.corr, tuple(CORRELATIONS))
        check_choice("vcov", self.vcov, tuple(VCOV))
        check_choice("ddf", self.ddf, RULES)
        if self.link is not None and self.link not in LINK_NAMES[self.family]:
            known = " or ".join(map(repr, LINK_NAMES[self.family]))
            raise SpecError(f"family={self.family!r} takes link={known}; got {self.link!r}.")
        if self.vcov == "model" and self.ddf not in ("residual", "normal"):
            raise SpecError(
                f"ddf={self.ddf!r} are degrees of freedom of a robust covariance; with "
                "vcov='model' use ddf='residual' or 'normal'."
            )
        if self.time is not None and self.corr != "ar1-days":
            raise SpecError(f"time= is for corr='ar1-days'; corr is {self.corr!r}.")
        if self.family == "ordinal" and "1" not in {str(t) for t in parsed.rhs}:
            raise SpecError(
                "An ordinal model has thresholds in the place of the intercept: leave '0 +' or "
                "'- 1' out of the formula."
            )

    @property
    def link_name(self) -> str:
        """The link, that of the family where none is given."""
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
        weights: WeightsLike | DropoutWeightsResult | None = None,
    ) -> GEEResult:
        """Fit the model.

        Parameters
        ----------
        data : Study or DataFrame
            One row a subject and visit. Of a study the scheduled visits after baseline; of a
            `DividedStudy` they stay in their partitions, which answer with sums, but for separation
            and what else needs all rows: those are gathered, 20 million at most.
        subject, visit : str
            Columns.
        outcome : Definition, optional
            Its state at every visit of a study is the outcome, under the name that the formula has
            on its left, e.g. ``trd.Response()``.
        days : sequence of float, optional
            Scheduled days of a study to analyse. Default: all.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects, as in `MMRM.fit`, or the result of `DropoutWeights`. With them the
            covariance is robust, and includes the estimation of the weights when given the
            result.

        Raises
        ------
        DataError, SpecError
            When the table, the outcome or the formula is not usable.
        NotEstimableError
            When the equations have no solution; the message says why.
        TooLargeError
            When rows of a `DividedStudy` are needed that are too many to gather.

        Warns
        -----
        EstimateWarning
            When columns of the design are collinear (aliased) with others: they are left out and
            named.
        """
        spec = self
        if weights is not None and self.vcov == "model":
            spec = replace(self, vcov="robust")
        dropout = weights.visit_weights if isinstance(weights, DropoutWeightsResult) else None
        if dropout is not None and self.corr != "independence":
            raise SpecError(
                f"Weights for dropout need corr='independence': with corr={self.corr!r} the weight "
                "of a visit would reach the others, and the estimates would not be consistent."
            )
        why: RowsNeededError | None = None
        if isinstance(data, DividedStudy) and (subject, visit) == (SUBJECT, VISIT):
            reading = Reading(
                self.formula, self.family, self.corr, outcome,
                None if days is None else tuple(days), self.rating_weights, self.time,
            )  # fmt: skip
            try:
                return _fit_in_parts(spec, data, reading, weights)
            except RowsNeededError as error:
                why = error
        try:
            design = read_rated_outcome(
                data, read_formula(self.formula), family=self.family, subject=subject, visit=visit,
                outcome=outcome, days=days, rating_weights=self.rating_weights,
                weights=None if isinstance(weights, DropoutWeightsResult) else weights,
                visit_weights=None if dropout is None else dropout.frame, time=self.time,
            )  # fmt: skip
        except TooLargeError as error:
            if why is None:
                raise
            raise (why.of_part or TooLargeError(f"{why}. {error}")) from error
        return _fitted(spec, design, dropout)

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [
            ("Formula", self.formula),
            ("Family", f"{self.family}, {self.link_name} link"),
            ("Working correlation", CORRELATIONS[self.corr]),
            ("Covariance of effects", VCOV[self.vcov]),
            ("Degrees of freedom", self.ddf),
        ]
        header += [("Rating weights", self.rating_weights)] if self.rating_weights else []
        return Summary("Generalised estimating equations", tuple(header))


def _fit_in_parts(
    spec: GEE,
    study: DividedStudy,
    reading: Reading,
    weights: WeightsLike | DropoutWeightsResult | None,
) -> GEEResult:
    """Fit a model to sums of partitions.

    Raises
    ------
    RowsNeededError
        When they do not answer; nothing was warned of.
    """
    if isinstance(weights, DropoutWeightsResult):
        raise RowsNeededError("Weights for dropout belong to single ratings")
    result: GEEResult | NotEstimableError
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            design = read_divided_outcome(study, reading, weights)
        except (DataError, SpecError, UnknownNameError, NotEstimableError) as error:
            # What is wrong in one part is said of all rows, where they can be gathered.
            raise RowsNeededError("A partition cannot be read", of_part=error) from error
        try:
            result = _fitted(spec, design, None)
        except NotEstimableError as error:
            result = error
    for each in given:
        warn(each.message if isinstance(each.message, Warning) else str(each.message))
    if isinstance(result, NotEstimableError):
        raise result
    return result


def _fitted(spec: GEE, design: RatedDesign, dropout: VisitWeights | None) -> GEEResult:
    equations = solve_equations(design, link=spec.link_name, structure=spec.corr)
    inference = _infer(spec, design, equations)
    estimation = None
    if dropout is not None:
        influence, estimation = with_dropout(
            in_rows(design), equations, dropout, inference.influence
        )
        inference = replace(inference, influence=influence, covariance=influence.T @ influence)
    return GEEResult(
        spec=spec,
        design=design,
        inference=on_columns(design, equations, inference),
        parameters=inference,
        _equations=equations,
        dropout=estimation,
    )


def _infer(spec: GEE, design: RatedDesign, equations: Equations) -> GEEInference:
    """Return the inference on the parameters, influences on the rows of all subjects."""
    kind: Kind = spec.vcov
    inference = infer(equations.fit, kind, spec.ddf)
    influence = np.zeros((len(design.subjects), inference.influence.shape[1]))
    influence[equations.analysed] = inference.influence
    covariance, by_influence = inference.covariance, inference.by_influence
    if design.weighting is not None:
        influence = design.weighting.through(influence)
        by_influence = design.weighting.among is not None
        if by_influence:
            covariance = influence.T @ influence
    return replace(inference, influence=influence, covariance=covariance, by_influence=by_influence)
