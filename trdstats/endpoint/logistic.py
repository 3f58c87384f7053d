"""Logistic regression of an outcome at one time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.comparison.adjusted.subject_outcomes import check_outcome, read_outcomes
from trdstats.endpoint.logistic_result import LogisticResult
from trdstats.endpoint.subjects import (
    EndpointData,
    check_by,
    check_units,
    read_endpoint,
    read_sides,
)
from trdstats.errors import (
    EstimateWarning,
    NotEstimableError,
    SpecError,
    check_choice,
    check_level,
    warn,
)
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.kernels.endpoint.logistic import LogisticFit, fit_logistic
from trdstats.outcomes import Definition
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin

Penalty = Literal["where separated", "firth", "none"]
LimitsKind = Literal["profile", "wald"]


@checked
@dataclass(frozen=True, repr=False)
class Logistic(SummaryMixin):
    """Logistic regression of response, remission, or any outcome of yes or no, at one time.

    Odds ratios given the covariates, with limits from the profile of the likelihood; beside them
    the marginal rates, risk differences and ratios by standardisation (`LogisticResult.margins`),
    which do not change their meaning with the covariates.

    Parameters
    ----------
    formula : str
        Treatment and covariates, ``"treatment + baseline"``; or with a column of the subjects on
        its left, ``"met ~ treatment + baseline"``.
    outcome : Definition or str, optional
        A definition such as ``Response()`` at `day`, or a column of True and False or 0 and 1.
        Left out where the formula names it.
    day : float, optional
        Scheduled day of the outcome.
    by : str or None, default "treatment"
        Column of the formula whose levels are compared; None for covariates only.
    reference : str, optional
        Level the others are compared with. Default: the first one.
    missing : {"nonresponse", "observed", "locf", "worst"}
        What becomes of subjects without a verdict; see `rates`.
    penalty : {"where separated", "firth", "none"}
        Firth's penalised likelihood: where covariates or treatments separate those with the
        outcome from those without, so that an odds ratio has no finite maximum (the result says
        so, and a warning); always; or never, and separation is refused.
    limits : {"profile", "wald"}
        Limits and tests from the profile of the likelihood, or from the standard errors.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Firth 1993, doi:10.1093/biomet/80.1.27. Heinze and Schemper 2002, doi:10.1002/sim.1047. Puhr et
    al. 2017, doi:10.1002/sim.7273 (the intercept of predictions). Ye et al. 2023,
    doi:10.1080/24754269.2023.2205802 (marginal effects with the covariates sampled).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> found = trd.Logistic("treatment + baseline", outcome=trd.Response(), day=28).fit(study)
    >>> found.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]', 'baseline']
    >>> found.margins().tidy()["measure"].unique().tolist()
    ['rate', 'difference', 'ratio', 'odds ratio']
    """

    formula: str
    outcome: Definition | str | None = field(default=None, kw_only=True)
    day: float | None = field(default=None, kw_only=True)
    by: str | None = field(default="treatment", kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    missing: str = field(default="nonresponse", kw_only=True)
    penalty: Penalty = field(default="where separated", kw_only=True)
    limits: LimitsKind = field(default="profile", kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        covariates, outcome = read_sides(self.formula, self.outcome)
        check_by(self.by, covariates)
        check_outcome(outcome, self.day, self.missing)
        check_choice("penalty", self.penalty, get_args(Penalty))
        check_choice("limits", self.limits, get_args(LimitsKind))
        check_level(self.conf_level)

    def fit(self, data: Study | FrameLike, *, weights: WeightsLike | None = None) -> LogisticResult:
        """Fit the regression.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject with the columns subject, outcome and covariates.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects. Errors are then those of the subjects' influences, with limits
            from them: a weighted likelihood has no profile.

        Raises
        ------
        SpecError, UnknownNameError, DataError
            When the data do not fit the specification.
        NotEstimableError
            When no subject or every subject has the outcome, columns are collinear, or outcomes
            are separated and `penalty` is "none".

        Warns
        -----
        EstimateWarning
            When outcomes are separated and the penalised likelihood was maximised instead.
        """
        covariates, outcome = read_sides(self.formula, self.outcome)
        known = read_outcomes(
            data, outcome, day=self.day, missing=self.missing,
            reference=self.reference if self.by == "treatment" else None,
        )  # fmt: skip
        if not known.binary:
            raise SpecError(
                f"Logistic needs an outcome of yes or no, 0 and 1; {known.label} has other "
                "values. For categories in an order use ProportionalOdds."
            )
        endpoint = read_endpoint(known, covariates, self.by, self.reference, weights)
        fit, without_maximum = self._maximised(endpoint)
        separated = without_maximum if self.penalty != "firth" else []
        check_units(endpoint.terms, fit.beta[1:])
        if separated:
            warn(_separation_words(separated, endpoint.sample.label), EstimateWarning)
        return LogisticResult(
            spec=self, outcome=known.label, caveat=caveat_under(known.caveat, weights),
            switching=known.switching, separated=tuple(separated),
            _without_maximum=tuple(without_maximum), _data=endpoint, _fit=fit,
        )  # fmt: skip

    def _maximised(self, endpoint: EndpointData) -> tuple[LogisticFit, list[str]]:
        """Return the fit and the terms without a finite maximum of the likelihood."""
        sample, analysed = endpoint.sample, endpoint.sample.observed
        X, y, weight = endpoint.full[analysed], sample.y[analysed], sample.weight[analysed]
        if len(np.unique(y)) < 2:
            who = "Every subject" if y[0] == 1 else "No subject"
            raise NotEstimableError(
                f"{who} analysed has {sample.label}: no odds ratio can be estimated. rates(...) "
                "has exact limits of the rates."
            )
        fit = fit_logistic(X, y, weight)
        names = ["Intercept", *endpoint.terms]
        separated = [t for t, s in zip(names, fit.separated, strict=True) if s]
        named = [t for t in separated if t != "Intercept"] or separated
        if self.penalty == "firth":
            return fit_logistic(X, y, weight, penalised=True), named
        if not named:
            return fit, []
        if self.penalty == "none":
            raise NotEstimableError(
                f"{', '.join(named)} separates those with {sample.label} from those without, so "
                "that the odds ratio has no finite estimate. Use penalty='firth', or join a "
                "category with another."
            )
        return fit_logistic(X, y, weight, penalised=True), named

    def summary(self) -> Summary:
        """Return the method in words."""
        header = [("Formula", self.formula), ("Limits", self.limits)]
        header.append(("Firth's penalty", {"firth": "always", "none": "never"}.get(
            self.penalty, self.penalty)))  # fmt: skip
        return Summary("Logistic regression", tuple(header))


def _separation_words(separated: list[str], label: str) -> str:
    return (
        f"{', '.join(separated)} separates those with {label} from those without: the odds ratios "
        "are those of Firth's penalised likelihood. penalty='firth' asks for it, penalty='none' "
        "refuses instead."
    )
