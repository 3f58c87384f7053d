"""Proportional odds of an outcome in ordered categories at one time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.endpoint.categories import check_categories, read_categories
from trdstats.endpoint.logistic import LimitsKind
from trdstats.endpoint.proportional_odds_result import ProportionalOddsResult
from trdstats.endpoint.subjects import check_by, check_units, read_endpoint, read_sides
from trdstats.errors import NotEstimableError, check_choice, check_level
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.kernels.endpoint.cumulative_logit import fit_cumulative
from trdstats.outcomes import Definition
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin


@checked
@dataclass(frozen=True, repr=False)
class ProportionalOdds(SummaryMixin):
    """Cumulative logit model of ordered categories: bands of severity, codes of the CGI.

    One odds ratio holds for every cut between categories; above 1, the odds of a higher category
    are higher. `ProportionalOddsResult.test_proportional_odds` asks whether it does.

    Parameters
    ----------
    formula : str
        Treatment and covariates; or with a column of the subjects on its left,
        ``"band ~ treatment + baseline"``. The column holds numbers or ordered categories.
    outcome : str, optional
        "severity" (bands of the scale) or "score" (its totals) at `day`, or a column.
    day : float, optional
        Scheduled day of the outcome.
    by : str or None, default "treatment"
        Column of the formula whose levels are compared; None for covariates only.
    reference : str, optional
        Level the others are compared with. Default: the first one.
    limits : {"profile", "wald"}
        Limits and tests from the profile of the likelihood, or from the standard errors.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> found = trd.ProportionalOdds("treatment + baseline", outcome="severity", day=28).fit(study)
    >>> found.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]', 'baseline']
    """

    formula: str
    outcome: Definition | str | None = field(default=None, kw_only=True)
    day: float | None = field(default=None, kw_only=True)
    by: str | None = field(default="treatment", kw_only=True)
    reference: Level | None = field(default=None, kw_only=True)
    limits: LimitsKind = field(default="profile", kw_only=True)
    conf_level: float = field(default=0.95, kw_only=True)

    def __post_init__(self) -> None:
        covariates, outcome = read_sides(self.formula, self.outcome)
        check_by(self.by, covariates)
        check_categories(outcome, self.day)
        check_choice("limits", self.limits, get_args(LimitsKind))
        check_level(self.conf_level)

    def fit(
        self, data: Study | FrameLike, *, weights: WeightsLike | None = None
    ) -> ProportionalOddsResult:
        """Fit the model to the subjects with an outcome.

        Parameters
        ----------
        data : Study or DataFrame
            A frame has one row a subject with the columns subject, outcome and covariates.
        weights : str, Series, DataFrame or result, optional
            Weights of subjects. Errors are then those of the subjects' influences.

        Raises
        ------
        SpecError, UnknownNameError, DataError
            When the data do not fit the specification, or the order of categories is not known.
        NotEstimableError
            When all subjects are in one category, columns are collinear, or covariates separate
            the categories.
        """
        covariates, outcome = read_sides(self.formula, self.outcome)
        assert isinstance(outcome, str)
        categories = read_categories(data, outcome, self.day)
        endpoint = read_endpoint(categories.known, covariates, self.by, self.reference, weights)
        analysed, J = endpoint.sample.observed, len(categories.labels)
        code = endpoint.sample.y[analysed].astype(np.intp)
        absent = [n for k, n in enumerate(categories.labels) if not (code == k).any()]
        if absent:
            raise NotEstimableError(
                f"No subject with a positive weight is in {', '.join(absent)}. Leave the category "
                "out of the data."
            )
        fit = fit_cumulative(endpoint.design.X[analysed], code, endpoint.sample.weight[analysed], J)
        effects = fit.separated[fit.effects]
        lost = [t for t, s in zip(endpoint.terms, effects, strict=True) if s]
        if lost or fit.separated.any():
            raise NotEstimableError(
                f"{', '.join(lost) or 'The covariates'} separates the categories of "
                f"{endpoint.sample.label}, so that an odds ratio has no finite estimate. Join "
                "categories, or use RankComparison."
            )
        check_units(endpoint.terms, fit.theta[fit.effects])
        return ProportionalOddsResult(
            spec=self, outcome=endpoint.sample.label, categories=categories.labels,
            caveat=caveat_under(categories.known.caveat, weights),
            switching=categories.known.switching, _notes_on=categories.notes, _data=endpoint,
            _fit=fit,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the method in words."""
        header = (("Formula", self.formula), ("Limits", self.limits))
        return Summary("Proportional odds", header)
